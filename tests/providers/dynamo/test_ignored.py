"""Fields that are named because they cannot be honoured."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import RenderContext
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER
from airunway.providers.dynamo.config import BETA
from tests.providers.dynamo.rendered import FRONTEND, MOCKER, disaggregated, engine, overridden

FIELDS = {"contextLength": 1, "trustRemoteCode": True, "enablePrefixCaching": False, "enforceEager": True}
VOLUME = {"name": "ro", "claimName": "data", "mountPath": "/data", "readOnly": True}
READ_ONLY = deployment(model={"id": "acme/chat-9b", "storage": {"volumes": [VOLUME]}})
TP = {"tensor-parallel-size": "2"}


def ignored(given: ModelDeployment, **context: Any) -> list[str]:
    """What is ignored anyway, and what is in such a cluster."""
    return [*PROVIDER.ignored_fields(given), *PROVIDER.ignored_here(given, RenderContext(**context))]


@pytest.mark.parametrize(
    ("given", "want"),
    [
        pytest.param(engine("vllm", **FIELDS), [], id="vllm honours all of them"),
        pytest.param(engine("sglang", **FIELDS), [], id="sglang too"),
        pytest.param(
            engine("trtllm", **FIELDS),
            [f"spec.engine.{field}" for field in FIELDS],
            id="trtllm has no flags for them",
        ),
        pytest.param(
            engine("trtllm", enablePrefixCaching=True, enforceEager=False), [], id="the CRD's defaults"
        ),
        pytest.param(
            deployment(model={"storage": {"volumes": [VOLUME]}}),
            ["spec.model.storage.volumes[0].readOnly"],
            id="a mount cannot be read-only",
        ),
        pytest.param(
            engine("vllm", args={"connector": "nixl"}),
            ["spec.engine.args.connector"],
            id="a connector that nothing uses",
        ),
        pytest.param(
            disaggregated(engine={"args": {**TP, "connector": "NIXL"}}), [], id="the connector that is used"
        ),
        pytest.param(
            disaggregated(engine={"args": {**TP, "connector": "mooncake"}}),
            ["spec.engine.args.connector"],
            id="another connector",
        ),
        pytest.param(deployment(gpus=2), ["spec.resources.gpu.count"], id="a GPU that stays idle"),
        pytest.param(deployment(gpus=2, engine={"args": TP}), [], id="a flag that uses it"),
        pytest.param(deployment(gpus=2, engine={"extraArgs": ["-tp", "2"]}), [], id="its short form"),
        pytest.param(
            disaggregated(), ["spec.scaling.decode.gpu.count"], id="an idle GPU in one of the groups"
        ),
        pytest.param(
            disaggregated(engine={"args": TP}, resources={"cpu": "4", "memory": "1Gi"}),
            ["spec.resources.memory", "spec.resources.cpu"],
            id="groups have sizes of their own",
        ),
        pytest.param(
            deployment(scaling={"replicas": 1, "prefill": {}, "decode": {}}),
            ["spec.scaling.prefill", "spec.scaling.decode"],
            id="groups of an aggregated deployment",
        ),
        pytest.param(
            overridden({"epp": {"replicas": 2}}),
            ["spec.provider.overrides.epp"],
            id="no picker where nobody routes",
        ),
        pytest.param(
            overridden({"routerMode": "kv", "epp": {"image": "a/b"}}, **FRONTEND),
            ["spec.provider.overrides.epp"],
            id="no picker beside a frontend",
        ),
        pytest.param(
            overridden({"services": {}, "frontend": {"limits": {}}}, **FRONTEND),
            ["spec.provider.overrides.services", "spec.provider.overrides.frontend.limits"],
            id="keys that mean nothing",
        ),
        pytest.param(overridden("x"), [], id="overrides that are refused"),
        pytest.param(
            deployment(annotations=MOCKER, image="a/b:1", engine={"args": {"a": ""}, "enforceEager": True}),
            ["spec.image", "spec.engine.enforceEager", "spec.engine.args", "spec.resources.gpu"],
            id="the mocker has no engine",
        ),
    ],
)
def test_ignored_fields(given: ModelDeployment, want: list[str]) -> None:
    assert ignored(given) == want


@pytest.mark.parametrize(
    ("given", "context", "want"),
    [
        pytest.param(
            overridden({"routerMode": "kv", "epp": {"image": "a/b"}}),
            {"routed_by_gateway": True},
            ["spec.provider.overrides.routerMode"],
            id="no frontend beside a picker",
        ),
        pytest.param(
            overridden({"epp": {"replicas": 2}}),
            {"routed_by_gateway": True},
            ["spec.provider.overrides.epp.replicas"],
            id="one picker",
        ),
        pytest.param(READ_ONLY, {"api_version": BETA}, [], id="a mount of v1beta1 can be read-only"),
        pytest.param(
            READ_ONLY, {}, ["spec.model.storage.volumes[0].readOnly"], id="a mount of v1alpha1 cannot"
        ),
    ],
)
def test_what_is_ignored_depends_on_the_cluster(
    given: ModelDeployment, context: dict[str, Any], want: list[str]
) -> None:
    assert ignored(given, **context) == want


def test_replicas_of_a_disaggregated_deployment_are_those_of_its_groups() -> None:
    given = disaggregated(engine={"args": TP})
    assert given.spec.scaling is not None

    given.spec.scaling.replicas = 1  # what the API server writes
    assert ignored(given) == []

    given.spec.scaling.replicas = 5
    assert ignored(given) == ["spec.scaling.replicas"]
