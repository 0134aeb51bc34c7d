"""`spec.provider.overrides`: keys with a meaning of their own, and what is merged."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.contract import RenderError
from airunway.providers.dynamo import PROVIDER
from tests.providers.build import ANYTHING
from tests.providers.dynamo.rendered import FRONTEND, container, graph, overridden, service
from tests.schemas import problems

TYPED = {
    "routerMode": "kv",
    "frontend": {"replicas": 2, "resources": {"cpu": "4"}},
    "epp": {"replicas": 3, "image": "registry.example.com/epp:dev"},
}


def test_frontend_takes_its_keys() -> None:
    given = overridden(TYPED, **FRONTEND)

    frontend = service(given, "Frontend")

    assert frontend["replicas"] == 2
    assert frontend["resources"] == {"requests": {"cpu": "4", "memory": "4Gi"}}
    assert container(given, "Frontend")["env"] == [{"name": "DYN_ROUTER_MODE", "value": "kv"}]


def test_picker_takes_its_keys() -> None:
    given = overridden(TYPED)

    assert service(given, "Epp")["replicas"] == 1, "the operator takes no other number"
    assert container(given, "Epp")["image"] == "registry.example.com/epp:dev"


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param({"routerMode": "", "frontend": None, "epp": {"image": ""}}, id="empty and null"),
        pytest.param(
            {"frontend": {"replicas": None, "resources": None}, "epp": {"replicas": None}}, id="null below"
        ),
        pytest.param({}, id="nothing"),
    ],
)
def test_empty_stands_for_the_default(overrides: dict[str, Any]) -> None:
    for more in ({}, FRONTEND):
        given = overridden(overrides, **more)

        assert graph(given, policy=ANYTHING) == graph(overridden(None, **more))


def test_typed_keys_do_not_reach_the_object() -> None:
    rendered = graph(overridden(TYPED))

    assert rendered.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert problems(rendered) == []


def test_keys_in_other_letters_are_unknown() -> None:
    given = overridden({"RouterMode": "kv", "frontend": {"Replicas": 9}}, **FRONTEND)

    assert graph(given, policy=ANYTHING) == graph(overridden(None, **FRONTEND))
    assert set(PROVIDER.ignored_fields(given)) >= {
        "spec.provider.overrides.RouterMode",
        "spec.provider.overrides.frontend.Replicas",
    }


def test_spec_is_merged_last() -> None:
    variables = [{"name": "A", "value": "b"}]
    given = overridden(
        {
            "spec": {
                "envs": variables,
                "services": {
                    "Epp": None,
                    "Spare": {
                        "componentType": "frontend",
                        "extraPodSpec": {"mainContainer": {"image": "p"}},
                    },
                    "VllmWorker": {
                        "sharedMemory": {"size": "16Gi"},
                        "frontendSidecar": None,
                        "extraPodSpec": {"mainContainer": {"env": variables}},
                    },
                },
            }
        },
        env=[{"name": "KEPT", "value": "no: a list is replaced whole"}],
    )

    rendered = graph(given, policy=ANYTHING)

    worker = rendered["spec"]["services"]["VllmWorker"]
    assert problems(rendered) == []
    assert rendered["spec"]["envs"] == variables
    assert list(rendered["spec"]["services"]) == ["VllmWorker", "Spare"]
    assert worker["sharedMemory"] == {"size": "16Gi"}
    assert worker["extraPodSpec"]["mainContainer"]["env"] == variables
    assert worker["extraPodSpec"]["mainContainer"]["args"]
    assert "frontendSidecar" not in worker


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        pytest.param(["x"], "", id="not an object"),
        pytest.param({"metadata": {}}, ".metadata", id="identity, even when empty"),
        pytest.param({"status": None}, ".status", id="identity, even when null"),
        pytest.param({"spec": None}, ".spec", id="no spec"),
        pytest.param({"spec": {"services": []}}, ".spec.services", id="services as a list"),
        pytest.param({"spec": {"services": {"Epp": 1}}}, ".spec.services.Epp", id="a service as a number"),
        pytest.param(
            {"spec": {"services": {"VllmDecodeWorker": {"sharedMemory": {"size": "1Gi"}}}}},
            ".spec.services.VllmDecodeWorker",
            id="a part of a service of the other mode",
        ),
        pytest.param(
            {"spec": {"services": {"VllmWorker": {"componentType": None}}}},
            ".spec.services.VllmWorker",
            id="a service that is nothing",
        ),
        pytest.param({"frontend": "big"}, ".frontend", id="a text for an object"),
        pytest.param({"frontend": {"resources": 1}}, ".frontend.resources", id="a number for an object"),
        pytest.param({"frontend": {"resources": {"cpu": 2}}}, ".frontend.resources.cpu", id="no text"),
        pytest.param({"frontend": {"replicas": "2"}}, ".frontend.replicas", id="a count as a text"),
        pytest.param({"frontend": {"replicas": True}}, ".frontend.replicas", id="a count as a flag"),
        pytest.param({"epp": {"replicas": 1.5}}, ".epp.replicas", id="half a replica"),
        pytest.param({"epp": {"replicas": -1}}, ".epp.replicas", id="less than none"),
        pytest.param({"epp": {"replicas": 2**31}}, ".epp.replicas", id="more than the API can hold"),
        pytest.param({"routerMode": 1}, ".routerMode", id="a mode that is no text"),
        pytest.param({"routerMode": "kvv"}, ".routerMode", id="an unknown mode"),
    ],
)
def test_refused_overrides(overrides: Any, field: str) -> None:
    with pytest.raises(RenderError) as refused:
        graph(overridden(overrides, **FRONTEND), policy=ANYTHING)

    assert str(refused.value).startswith(f"spec.provider.overrides{field}:")
