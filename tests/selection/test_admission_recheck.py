from __future__ import annotations

from typing import Any

import pytest

from airunway.api.decision import Outcome
from airunway.api.status import Phase
from airunway.selection.admission_recheck import recheck_admission, with_admission_recheck
from airunway.selection.decide import decide
from tests.selection.build import ALIVE_SINCE, config, deployment, offer


def fields(spec: dict[str, Any], *, name: str = "chat") -> list[str]:
    return [error.field for error in recheck_admission(deployment(name=name, spec=spec)).errors]


def mounted(path: str, **given: Any) -> dict[str, Any]:
    volume = {"name": "v", "purpose": "custom", "mountPath": path, "claimName": "c", **given}
    return {"model": {"id": "o/m", "storage": {"volumes": [volume]}}}


def test_a_sound_deployment_passes() -> None:
    assert recheck_admission(deployment(engine="vllm", gpus=1, spec=mounted("/data"))).allowed


def test_what_only_admission_checks_is_checked_here_too() -> None:
    spec = {
        "engine": {"type": "vllm", "args": {"a": "1"}, "extraArgs": ["--a"]},
        "provider": {"name": "kaito", "overrides": ["hostPID"]},
        "scaling": {"replicas": 33},
    }

    assert fields(spec, name="a.b") == [
        "metadata.name",
        "spec.engine.extraArgs",
        "spec.provider.overrides",
        "spec.scaling.replicas",
    ]


@pytest.mark.parametrize(
    "path", ["//etc", "/x/../proc/1", "/run", "/run/secrets", "/", "//", "/dev/./shm/.."]
)
def test_paths_that_only_look_harmless(path: str) -> None:
    assert fields(mounted(path)) == ["spec.model.storage.volumes[0].mountPath"]


@pytest.mark.parametrize("path", ["/data/", "/data/.", "//data", "/x/../data"])
def test_one_directory_is_mounted_once_however_it_is_written(path: str) -> None:
    volumes = [
        {"name": name, "purpose": "custom", "mountPath": mount, "claimName": name}
        for name, mount in (("a", "/data"), ("b", path), ("c", "/data/inner"))
    ]

    assert fields({"model": {"id": "o/m", "storage": {"volumes": volumes}}}) == [
        "spec.model.storage.volumes[1].mountPath"
    ]


@pytest.mark.parametrize("path", ["/etcetera", "/runner", "/data/etc", "/var/running"])
def test_paths_that_are_harmless(path: str) -> None:
    assert fields(mounted(path)) == []


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (mounted("/v", size="0", claimName=""), "spec.model.storage.volumes[0].size"),
        (mounted("/v", size="-1Gi", claimName=""), "spec.model.storage.volumes[0].size"),
        (mounted("/v", size="lots", claimName=""), "spec.model.storage.volumes[0].size"),
        ({"resources": {"memory": "-1Gi"}}, "spec.resources.memory"),
        ({"resources": {"cpu": "four"}}, "spec.resources.cpu"),
        ({"scaling": {"prefill": {"memory": "-1"}}}, "spec.scaling.prefill.memory"),
        ({"engine": {"contextLength": 0}}, "spec.engine.contextLength"),
        ({"engine": {"contextLength": -5}}, "spec.engine.contextLength"),
    ],
)
def test_amounts_that_cannot_work(spec: dict[str, Any], field: str) -> None:
    assert fields(spec) == [field]


NO_NAMES = ["A", "a_b", "-a", "a b", "a/b", "a..b", "a" * 254, "a\n"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_named_can_be_there(name: str) -> None:
    volumes = [
        {"name": "a", "purpose": "custom", "mountPath": "/a", "claimName": name},
        {"name": "b", "purpose": "custom", "mountPath": "/b", "size": "1Gi", "storageClassName": name},
    ]
    spec = {
        "model": {"id": "o/m", "storage": {"volumes": volumes}},
        "secrets": {"huggingFaceToken": name},
        "gateway": {
            "httpRouteRef": name,
            "gatewayRef": {"name": name, "namespace": name, "sectionName": name},
            "poolRef": {"name": name, "namespace": name},
        },
    }

    found = set(fields(spec))

    assert found >= {
        "spec.secrets.huggingFaceToken",
        "spec.gateway.httpRouteRef",
        *(f"spec.gateway.gatewayRef.{part}" for part in ("name", "namespace", "sectionName")),
        *(f"spec.gateway.poolRef.{part}" for part in ("name", "namespace")),
        "spec.model.storage.volumes[0].claimName",
        "spec.model.storage.volumes[1].storageClassName",
    }


@pytest.mark.parametrize("name", ["a", "a-b", "claim.v1", "1a", "a" * 253])
def test_what_is_named_may_be_called_as_objects_are(name: str) -> None:
    spec = {**mounted("/v", claimName=name), "secrets": {"huggingFaceToken": name}}

    assert fields(spec) == []


@pytest.mark.parametrize("kind", ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "gpu"])
def test_a_device_is_none_of_what_every_node_has(kind: str) -> None:
    group = {"gpu": {"count": 1, "type": kind}}
    spec = {"resources": group, "scaling": {"prefill": group, "decode": group}}

    assert fields(spec) == [
        "spec.resources.gpu.type",
        "spec.scaling.prefill.gpu.type",
        "spec.scaling.decode.gpu.type",
    ]


ALPHA = config("alpha", offer("vllm"), rules={"true": 1})
CLASHING = {"engine": {"type": "vllm", "args": {"x": "1"}, "extraArgs": ["--x=2"]}}


def checked(given: Any, *configs: Any) -> Any:
    return with_admission_recheck(decide(given, list(configs), alive_since=ALIVE_SINCE), given)


def test_a_wrong_deployment_is_not_handed_over() -> None:
    decision = checked(deployment(gpus=65, spec=CLASHING), ALPHA)

    assert (decision.outcome, decision.phase) == (Outcome.INVALID, Phase.FAILED)
    assert (decision.provider, decision.newly_selected) == (None, False)
    assert decision.engine.type == "vllm"
    assert [(entry.type, entry.status.value) for entry in decision.conditions] == [("Validated", "False")]
    assert "spec.engine.extraArgs: Invalid value" in decision.finding
    assert "spec.resources.gpu.count: Invalid value: 65" in decision.finding
    assert decision.message == f"Validation failed: {decision.finding}"


def test_a_wrong_deployment_is_refused_before_it_waits_for_a_provider() -> None:
    assert checked(deployment(gpus=1, spec=CLASHING)).outcome is Outcome.INVALID


def test_what_was_valid_as_it_is_gets_a_warning() -> None:
    status = {
        "provider": {"name": "alpha"},
        "conditions": [
            {
                "type": "Validated",
                "status": "True",
                "reason": "ValidationPassed",
                "message": "",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-01-05T08:00:00Z",
            }
        ],
    }

    served = checked(deployment(gpus=1, spec=CLASHING, status=status), ALPHA)
    edited = checked(deployment(gpus=1, spec=CLASHING, status=status, metadata={"generation": 2}), ALPHA)

    assert served.outcome is Outcome.OK
    assert "extraArgs" in served.warnings[0]
    assert served.conditions[0].message == f"Schema validation passed; warning: {served.warnings[0]}"
    assert edited.outcome is Outcome.INVALID
    assert edited.provider.name == "alpha"


def test_a_warning_is_seen_where_the_deployment_is_called_valid() -> None:
    cpu_only = config("alpha", offer("vllm", gpu=False, cpu=True))

    decision = checked(deployment(engine="vllm", gpus=1, provider="alpha"), cpu_only)

    assert decision.outcome is Outcome.OK
    assert "does not list GPU support" in decision.conditions[0].message


def test_a_dotted_name_matters_before_the_hand_over_only() -> None:
    fresh = checked(deployment(name="a.b", engine="vllm", gpus=1), ALPHA)
    old = checked(
        deployment(name="a.b", engine="vllm", gpus=1, status={"provider": {"name": "alpha"}}), ALPHA
    )

    assert fresh.outcome is Outcome.INVALID
    assert old.outcome is Outcome.OK


def test_an_earlier_failure_is_reported_alone() -> None:
    both = deployment(gpus=1, spec={**CLASHING, "model": {}})

    assert checked(both, ALPHA) == decide(both, [ALPHA], alive_since=ALIVE_SINCE)
