"""Which of a graph's pods get a token follows from how Dynamo's processes find each other."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider import RenderContext, RenderError
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment

DYNAMO = installed_providers()["dynamo"]
ANNOTATION = "nvidia.com/dynamo-discovery-backend"


def graph(discovery: str, **spec: Any) -> dict[str, Any]:
    env = {"AIRUNWAY_DYNAMO_DISCOVERY": discovery}
    return DYNAMO.render(deployment(**spec), RenderContext(env=env, routed_by_gateway=True))[0]


def tokens(rendered: dict[str, Any]) -> dict[str, Any]:
    services = rendered["spec"]["services"]
    return {
        name: service["extraPodSpec"].get("automountServiceAccountToken")
        for name, service in services.items()
    }


@pytest.mark.parametrize("discovery", ["", "kubernetes"])
def test_processes_that_find_each_other_through_the_api_server_keep_theirs(discovery: str) -> None:
    rendered = graph(discovery)

    assert set(tokens(rendered).values()) == {None}
    expected = {ANNOTATION: discovery} if discovery else None
    assert rendered["metadata"].get("annotations") == expected


def test_with_etcd_no_pod_has_a_token_but_the_picker() -> None:
    alone = graph("ETCD", gateway={"enabled": False})
    behind_a_gateway = graph("etcd")

    assert alone["metadata"]["annotations"] == {ANNOTATION: "etcd"}
    assert tokens(alone) == {"Frontend": False, "VllmWorker": False}
    assert tokens(behind_a_gateway) == {"Epp": None, "VllmWorker": False}


def test_no_override_brings_it_back() -> None:
    pod = {"extraPodSpec": {"automountServiceAccountToken": True}}
    given = {"name": "dynamo", "overrides": {"spec": {"services": {"VllmWorker": pod}}}}

    with pytest.raises(RenderError):
        graph("etcd", provider=given)


def test_what_is_no_way_to_find_each_other_is_refused_by_its_name() -> None:
    with pytest.raises(RenderError, match="AIRUNWAY_DYNAMO_DISCOVERY: must be kubernetes or etcd"):
        graph("consul")
