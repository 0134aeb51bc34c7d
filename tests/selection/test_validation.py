"""What the recorded answers in tests/conformance leave open."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.findings import NOT_SHOWN, FieldErrorType, Verdict
from airunway.selection.provider_lookup import Lookup, LookupProblem, lookup_in
from airunway.selection.validation import validate_create, validate_update
from tests.selection.build import config, deployment, offer

ALPHA = config("alpha", offer("vllm"))


def verdict_of(**given: Any) -> Verdict:
    return validate_create(deployment(**given), lookup=lookup_in([ALPHA]))


def fields(verdict: Verdict) -> list[tuple[str, str]]:
    return [(error.type.value, error.field) for error in verdict.errors]


@pytest.mark.parametrize(
    ("args", "extra", "clash"),
    [
        ({"tp": "4"}, ["--tp", "2"], True),
        ({"tp": "4"}, ["tp"], False),
        ({"tp": "4"}, ["--tp =2"], True),
        ({"tp": "4"}, ["--tp\u2028\x85"], True),
        ({"tp": "4"}, ["--tp\x1c"], False),
        ({"tp": "4"}, ["-tp", "--", "---tp", "--tp2"], False),
        ({"--tp": "4"}, ["--tp"], False),
        ({"": "x"}, ["--=1", "-- "], False),
        ({"a": "1", "b": "2"}, ["--c", "--b=1", "--a"], True),
    ],
)
def test_a_flag_is_given_in_one_place(args: dict[str, str], extra: list[str], clash: bool) -> None:
    verdict = verdict_of(gpus=1, spec={"engine": {"args": args, "extraArgs": extra}})

    assert fields(verdict) == ([("FieldValueInvalid", "spec.engine.extraArgs")] if clash else [])


def test_a_finding_is_one_clear_line() -> None:
    verdict = verdict_of(
        name="v1.2", spec={"model": {"source": "custom"}, "resources": {"gpu": {"count": 65}}}
    )

    assert [error.line for error in verdict.errors] == [
        'metadata.name: Invalid value: "v1.2": must not contain dots',
        "spec.resources.gpu.count: Invalid value: 65: exceeds maximum allowed (64)",
    ]
    assert verdict.message == f"[{', '.join(error.line for error in verdict.errors)}]"


@pytest.mark.parametrize(
    ("problem", "kinds", "warned"),
    [
        (LookupProblem.NOT_FOUND, ["FieldValueInvalid"], False),
        (LookupProblem.FORBIDDEN, ["InternalError"], False),
        (LookupProblem.UNAUTHORIZED, ["InternalError"], False),
        (LookupProblem.KIND_NOT_INSTALLED, [], False),
        (LookupProblem.UNAVAILABLE, [], True),
    ],
)
def test_a_provider_that_cannot_be_looked_up(problem: LookupProblem, kinds: list[str], warned: bool) -> None:
    verdict = validate_create(
        deployment(engine="vllm", provider="alpha", gpus=1), lookup=lambda name: Lookup(problem=problem)
    )

    assert [kind for kind, _ in fields(verdict)] == kinds
    assert bool(verdict.warnings) is warned
    assert not warned or "controller will re-validate" in verdict.warnings[0]


def test_all_compatibility_findings_are_reported() -> None:
    verdict = validate_create(
        deployment(engine="vllm", provider="modeless"),
        lookup=lookup_in([config("modeless", offer("vllm", modes=()))]),
    )

    assert fields(verdict) == [
        ("FieldValueInvalid", "spec.serving.mode"),
        ("FieldValueInvalid", "spec.resources.gpu.count"),
    ]


@pytest.mark.parametrize("overrides", [[], [1], "text", 7, True])
def test_overrides_are_an_object(overrides: Any) -> None:
    verdict = verdict_of(gpus=1, spec={"provider": {"overrides": overrides}})

    assert fields(verdict) == [("FieldValueInvalid", "spec.provider.overrides")]
    assert verdict.errors[0].value == NOT_SHOWN, "it may hold a secret"


@pytest.mark.parametrize(("before", "after"), [(None, "huggingface"), ("huggingface", None)])
def test_the_default_source_may_be_written_out(before: str | None, after: str | None) -> None:
    old, new = (
        deployment(spec={"model": {"id": "acme/chat-9b", **({"source": source} if source else {})}})
        for source in (before, after)
    )

    assert validate_update(old, new, lookup=lookup_in([])).allowed


def test_an_object_being_deleted_may_always_change() -> None:
    old = deployment(engine="vllm", gpus=1)
    invalid = {"model": {"id": ""}}

    alive = validate_update(old, deployment(spec=invalid), lookup=lookup_in([]))
    going = validate_update(
        old,
        deployment(spec=invalid, metadata={"deletionTimestamp": "2026-01-05T09:00:00Z"}),
        lookup=lookup_in([]),
    )

    assert not alive.allowed
    assert going == Verdict()


@pytest.mark.parametrize(
    ("old", "new", "status", "changed"),
    [
        ({}, {"engine": {"type": "vllm"}}, {"engine": {"type": "sglang"}}, []),
        ({"engine": {"type": "vllm"}}, {"engine": {}}, {}, []),
        ({"engine": {"type": "vllm"}}, {"engine": {"type": "sglang"}}, {}, ["spec.engine.type"]),
        ({}, {"provider": {"name": "a"}}, {"provider": {"name": "a"}}, []),
        ({}, {"provider": {"name": "b"}}, {"provider": {"name": "a"}}, ["spec.provider.name"]),
        ({}, {"provider": {"name": "b"}}, {}, []),
        ({"provider": {"name": "a"}}, {"provider": {}}, {"provider": {"name": "b"}}, []),
        ({"serving": {"mode": "aggregated"}}, {}, {}, []),
        ({"model": {"id": "o/m"}}, {"model": {"id": "o/m", "source": "huggingface"}}, {}, []),
        ({"model": {"id": "o/m"}}, {"model": {"id": "o/m", "source": "custom"}}, {}, ["spec.model.source"]),
    ],
)
def test_identity_does_not_change(
    old: dict[str, Any], new: dict[str, Any], status: dict[str, Any], changed: list[str]
) -> None:
    verdict = validate_update(
        deployment(gpus=1, spec=old, status=status),
        deployment(gpus=1, spec=new, status=status),
        lookup=lambda name: Lookup(problem=LookupProblem.KIND_NOT_INSTALLED),
    )

    assert [field for _, field in fields(verdict)] == changed


def volume(**given: Any) -> dict[str, Any]:
    return {
        "name": "v",
        "purpose": "custom",
        "mountPath": "/v",
        "claimName": "chat-v",
        "size": "1Gi",
        "accessMode": "ReadWriteMany",
        **given,
    }


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"size": "1024Mi"}, False),
        ({"size": "2Gi"}, True),
        ({"size": None, "accessMode": None}, True),
        ({"storageClassName": ""}, True),
        ({"mountPath": "/w"}, True),
        ({"name": "w", "claimName": "chat-w"}, True),
    ],
)
def test_managed_volumes_stay_as_they_are(change: dict[str, Any], refused: bool) -> None:
    def with_volume(entry: dict[str, Any]) -> Any:
        model = {"id": "o/m", "storage": {"volumes": [entry]}}
        return deployment(gpus=1, spec={"model": model})

    verdict = validate_update(with_volume(volume()), with_volume(volume(**change)), lookup=lookup_in([]))

    assert bool(verdict.errors) is refused
    kinds = {error.type for error in verdict.errors}
    assert kinds <= {FieldErrorType.INVALID, FieldErrorType.FORBIDDEN}
