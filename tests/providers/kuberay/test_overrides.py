"""Overrides of a RayService."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.kuberay import PROVIDER
from tests.providers.build import ANYTHING
from tests.providers.kuberay.build import cluster, head, service, worker


def overriding(overrides: Any) -> ModelDeployment:
    return deployment(provider={"overrides": overrides})


def of_head(**group: Any) -> dict[str, Any]:
    return {"spec": {"rayClusterConfig": {"headGroupSpec": group}}}


def of_worker(name: str = "gpu-workers", **group: Any) -> dict[str, Any]:
    return {"spec": {"rayClusterConfig": {"workerGroupSpecs": [{"groupName": name, **group}]}}}


def test_overrides_are_merged() -> None:
    plain = deployment()
    template = {
        "metadata": {"labels": {"a": "b", "airunway.ai/model-deployment": "other"}},
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "containers": [
                {
                    "name": "ray-worker",
                    "image": "mine",
                    "env": [{"name": "MODEL_ID", "value": "x"}, {"name": "N"}],
                },
                {"name": "sidecar", "image": "side"},
            ],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    }

    given = overriding(of_worker(rayStartParams={"num-gpus": "1"}, template=template))

    before, after = worker(plain), worker(given)
    main, sidecar = after["spec"]["containers"]
    assert cluster(given)["workerGroupSpecs"][0] == {
        **cluster(plain)["workerGroupSpecs"][0],
        "rayStartParams": {"num-gpus": "1"},
        "template": after,
    }
    assert after["metadata"]["labels"] == {"a": "b", "airunway.ai/model-deployment": "chat"}
    assert main == {
        **before["spec"]["containers"][0],
        "image": "mine",
        "env": [{"name": "MODEL_ID", "value": "x"}, before["spec"]["containers"][0]["env"][1], {"name": "N"}],
    }
    assert sidecar == {"name": "sidecar", "image": "side", "securityContext": main["securityContext"]}
    assert after["spec"]["volumes"] == [{"name": "scratch", "emptyDir": {}}]
    assert after["spec"]["terminationGracePeriodSeconds"] == 5
    assert head(given) == head(plain)


def test_a_variable_is_replaced_whole() -> None:
    source = {"fieldRef": {"fieldPath": "metadata.name"}}
    given = overriding(
        of_head(
            template={
                "spec": {
                    "containers": [{"name": "ray-head", "env": [{"name": "MODEL_ID", "valueFrom": source}]}]
                }
            }
        )
    )

    assert head(given)["spec"]["containers"][0]["env"][0] == {"name": "MODEL_ID", "valueFrom": source}


@pytest.mark.parametrize(
    ("overrides", "path", "value"),
    [
        pytest.param({"spec": {"serveConfigV2": "x"}}, ["serveConfigV2"], "x", id="the application"),
        pytest.param(
            {"spec": {"upgradeStrategy": {"type": "None"}}},
            ["upgradeStrategy"],
            {"type": "None"},
            id="a field that is not rendered",
        ),
        pytest.param(
            of_head(rayStartParams={"num-cpus": "0", "dashboard-host": None}),
            ["rayClusterConfig", "headGroupSpec", "rayStartParams"],
            {"dashboard-host": "0.0.0.0", "num-cpus": "0"},
            id="null is not given",
        ),
    ],
)
def test_one_override(overrides: Any, path: list[str], value: Any) -> None:
    found: Any = service(overriding(overrides))["spec"]
    for key in path:
        found = found[key]

    assert found == value


CONTAINERS = "spec.rayClusterConfig.headGroupSpec.template.spec.containers"


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        pytest.param([], "", id="no object"),
        pytest.param({"metadata": {"name": "other"}}, ".metadata", id="another object"),
        pytest.param({"routerMode": "kv"}, ".routerMode", id="a field of another provider"),
        pytest.param({"spec": 7}, ".spec: must be an object", id="spec"),
        pytest.param(
            {"spec": {"serveConfigV2": {}}}, ".spec.serveConfigV2: must be a text", id="application"
        ),
        pytest.param(of_head(rayStartParams={"num-cpus": 0}), r".*num-cpus: must be a text", id="a number"),
        pytest.param(of_worker("other"), r".*\[0\].groupName: .*gpu-workers", id="an unknown group"),
        pytest.param(
            {"spec": {"rayClusterConfig": {"workerGroupSpecs": {}}}},
            r".*workerGroupSpecs: must be a list",
            id="groups",
        ),
        pytest.param(
            of_head(template={"spec": {"containers": [{"image": "x"}]}}),
            rf"\.{CONTAINERS}\[0\]\.name",
            id="which container",
        ),
        pytest.param(
            of_head(template={"spec": {"nodeSelector": {"a": 1}}}),
            r".*nodeSelector.a: must be a text",
            id="label",
        ),
    ],
)
def test_refused_overrides(overrides: Any, path: str) -> None:
    with pytest.raises(RenderError, match=rf"^spec\.provider\.overrides{path}"):
        PROVIDER.render(overriding(overrides), RenderContext(policy=ANYTHING))
