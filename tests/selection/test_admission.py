"""The whole way of a file through admission, and what becomes of nonsense on it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from airunway.api.model_deployment import ModelDeployment
from airunway.selection.admission import Admission, admit, decoding_errors, deployment_schema
from airunway.selection.provider_lookup import lookup_in
from tests.selection.build import config, offer

LOOKUP = lookup_in([config("alpha", offer("vllm"))])
GOOD: dict[str, Any] = {
    "apiVersion": "airunway.ai/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "chat", "namespace": "lab"},
    "spec": {"model": {"id": "o/m"}, "engine": {"type": "vllm"}},
}


def admitted(**spec: Any) -> Admission:
    return admit({**GOOD, "spec": {**GOOD["spec"], **spec}}, lookup=LOOKUP)


def lines(admission: Admission) -> list[str]:
    return [error.line for error in admission.verdict.errors]


def test_entries_of_nothing_and_blanks_are_no_reason_to_refuse() -> None:
    volume = {"name": "w", "mountPath": "/w", "size": " 1Gi"}

    admission = admitted(
        model={"id": "o/m", "storage": {"volumes": [volume]}}, engine={"type": "vllm", "extraArgs": [None]}
    )

    assert lines(admission) == []
    assert admission.deployment is not None
    assert admission.deployment.spec.engine is not None
    assert admission.deployment.spec.engine.extra_args == [""]


def test_a_good_file_is_stored_with_its_defaults() -> None:
    before = copy.deepcopy(GOOD)

    admission = admit(GOOD, lookup=LOOKUP)

    assert before == GOOD
    assert admission.allowed
    assert admission.stored is not None and admission.deployment is not None
    assert admission.stored["spec"]["engine"]["enablePrefixCaching"] is True
    assert admission.deployment.gpu_count == 1


def test_typing_errors_in_names_are_reported() -> None:
    admission = admitted(modle={"id": "x"}, engine={"type": "vllm", "contextLenght": 1})

    assert admission.unknown_fields == ["spec.engine.contextLenght", "spec.modle"]


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            {"engine": {"type": "vlm"}},
            'spec.engine.type: Unsupported value: "vlm": '
            'supported values: "vllm", "sglang", "trtllm", "llamacpp"',
        ),
        (
            {"resources": {"gpu": {"count": "2"}}},
            'spec.resources.gpu.count: Invalid type: "2": must be an integer, not a string',
        ),
        (
            {"resources": {"gpu": {"count": 1.5}}},
            "spec.resources.gpu.count: Invalid type: 1.5: must be an integer, not a fraction",
        ),
        (
            {"scaling": {"replicas": -1}},
            "spec.scaling.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            {"scaling": {"replicas": 5_000_000_000}},
            "spec.scaling.replicas: Invalid value: 5000000000: "
            "must be within int32: -2147483648 to 2147483647",
        ),
        (
            {"engine": {"type": "vllm", "args": {"max-num-seqs": 8}}},
            'spec.engine.args.max-num-seqs: Invalid type: "<not shown>": must be a string, not an integer',
        ),
        ({"model": {}}, "spec.model.id: Required value: model.id is required when source is huggingface"),
        (
            {"model": {"id": "o/m", "storage": {"volumes": [{"name": "v", "size": "lots"}]}}},
            'spec.model.storage.volumes[0].size: Invalid value: "lots": must be a quantity, e.g. 100Gi',
        ),
        ({"env": "A=1"}, 'spec.env: Invalid type: "<not shown>": must be a list, not a string'),
        (
            {"env": [{"name": "A"}, 7]},
            'spec.env[1]: Invalid type: "<not shown>": must be an object, not an integer',
        ),
    ],
)
def test_an_error_is_one_line_with_field_and_what_is_allowed(spec: dict[str, Any], line: str) -> None:
    assert lines(admitted(**spec)) == [line]


def test_what_the_schema_refuses_is_no_deployment() -> None:
    spec = {"model": {"id": "o/m", "source": "s3"}, "engine": {"type": "vlm", "args": {"a": 1}}}

    with pytest.raises(ValidationError) as refused:
        ModelDeployment.model_validate({"metadata": {"name": "chat"}, "spec": spec})

    fields = [error.field for error in decoding_errors(refused.value)]
    assert fields == ["spec.model.source", "spec.engine.type", "spec.engine.args.a"]


@pytest.mark.parametrize("obj", [None, 7, "text", [], True])
def test_what_is_no_object_is_refused(obj: Any) -> None:
    admission = admit(obj, lookup=LOOKUP)

    assert not admission.allowed
    assert "must be an object" in lines(admission)[0]


def test_a_huge_value_is_not_repeated() -> None:
    admission = admitted(env=[{"name": "A", "value": "x" * 1_000_000, "odd": 1}], image=["y" * 1_000_000])

    assert lines(admission) == [
        'spec.image: Invalid type: "<list with 1 entries>": must be a string, not a list'
    ]
    assert len(admission.verdict.message) < 300


def test_a_large_environment_passes() -> None:
    assert admitted(env=[{"name": "A", "value": "x" * 1_000_000}]).allowed


def test_nesting_without_end_is_refused() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": [deep]}

    admission = admitted(provider={"overrides": deep})

    assert not admission.allowed
    assert "nested deeper than" in lines(admission)[0]


def test_a_whole_number_may_be_written_with_a_point() -> None:
    admission = admitted(resources={"gpu": {"count": 2.0}})

    assert admission.deployment is not None
    assert admission.deployment.gpu_count == 2


def test_a_fractional_size_is_a_quantity() -> None:
    volume = {"name": "v", "purpose": "modelCache", "size": 1.5}

    admission = admitted(model={"id": "o/m", "storage": {"volumes": [volume]}})

    assert admission.deployment is not None
    volumes = admission.deployment.spec.model.storage.volumes  # type: ignore[union-attr]
    assert volumes is not None and volumes[0].size == "1500m"


SCALARS = [
    None,
    True,
    -1,
    0,
    1.5,
    2**40,
    10**400,
    "",
    "x" * 300,
    "\x00",
    "\ud800",
    float("nan"),
    float("inf"),
]
NONSENSE = st.sampled_from(SCALARS) | st.sampled_from([[], {}, [None], {"a": None}, [[]], {"": ""}])


def paths(schema: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [prefix] if prefix else []
    for key, field in (schema.get("properties") or {}).items():
        found += paths(field, (*prefix, key))
    if "items" in schema:
        found += paths(schema["items"], (*prefix, "[]"))
    return found


PATHS = paths(deployment_schema()["properties"]["spec"])


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PATHS), NONSENSE), min_size=1, max_size=4))
def test_nonsense_anywhere_is_refused_or_stored_but_never_raises(
    changes: list[tuple[tuple[str, ...], Any]],
) -> None:
    obj = copy.deepcopy(GOOD)
    for path, value in changes:
        put(obj["spec"], path, value)

    admission = admit(obj, lookup=LOOKUP)

    assert admission.allowed == (admission.deployment is not None)
    assert all(error.field and "\n" not in error.line for error in admission.verdict.errors)


def put(tree: Any, path: tuple[str, ...], value: Any) -> None:
    """Set a value deep inside, making what is missing on the way; `[]` is the first item of a list."""
    for step, following in zip(path, (*path[1:], None), strict=True):
        key: Any = 0 if step == "[]" else step
        if isinstance(tree, list) and not tree:
            tree.append(None)
        if not isinstance(tree, list if step == "[]" else dict):
            return
        if following is None:
            tree[key] = value
        elif not isinstance(tree[key] if step == "[]" else tree.get(key), list | dict):
            tree[key] = [] if following == "[]" else {}
        tree = tree[key]
