from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airunway.api.model_deployment import DeploymentSpec
from airunway.selection.cel_input import as_doubles, rule_input


def view_of(spec: dict[str, Any], *, engine: str = "") -> dict[str, Any]:
    return rule_input(DeploymentSpec.model_validate({"model": {"id": "o/m"}, **spec}), engine=engine)


def test_explicit_zeros_and_false_are_kept() -> None:
    view = view_of(
        {
            "engine": {"trustRemoteCode": False, "contextLength": 0},
            "scaling": {"replicas": 0},
            "resources": {"gpu": {"count": 0}},
            "gateway": {"enabled": False},
        }
    )

    assert view == {
        "model": {"id": "o/m"},
        "engine": {"trustRemoteCode": False, "contextLength": 0.0},
        "scaling": {"replicas": 0.0},
        "resources": {"gpu": {"count": 0.0}},
        "gateway": {"enabled": False},
    }


def test_absent_resources_are_an_empty_map() -> None:
    assert view_of({}) == {"model": {"id": "o/m"}, "engine": {}, "resources": {}}


def test_empty_texts_lists_and_maps_count_as_absent_but_empty_objects_do_not() -> None:
    view = view_of(
        {
            "model": {"id": "o/m", "servedName": "", "storage": {}},
            "engine": {"args": {}, "extraArgs": []},
            "provider": {},
            "serving": {},
            "podTemplate": {"metadata": {"labels": {"empty": ""}}},
            "nodeSelector": {},
        }
    )

    assert view == {
        "model": {"id": "o/m", "storage": {}},
        "engine": {},
        "provider": {},
        "serving": {},
        "podTemplate": {"metadata": {"labels": {"empty": ""}}},
        "resources": {},
    }


def test_the_resolved_engine_is_shown_unless_the_user_named_one() -> None:
    assert view_of({}, engine="vllm")["engine"] == {"type": "vllm"}
    assert view_of({"engine": {"type": "sglang"}}, engine="vllm")["engine"] == {"type": "sglang"}


def test_quantities_are_canonical_and_an_empty_storage_class_is_shown() -> None:
    view = view_of(
        {
            "model": {
                "id": "o/m",
                "storage": {"volumes": [{"name": "v", "size": "1024Mi", "storageClassName": ""}]},
            },
            "env": [{"name": "M", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}],
        }
    )

    assert view["model"]["storage"]["volumes"] == [{"name": "v", "size": "1Gi", "storageClassName": ""}]
    assert view["env"][0]["valueFrom"]["resourceFieldRef"] == {"resource": "limits.memory", "divisor": "0"}


def test_overrides_are_shown_verbatim_with_numbers_as_doubles() -> None:
    overrides = {"n": 0, "off": False, "none": None, "empty": {}, "list": [1, "a", None, []]}

    shown = view_of({"provider": {"overrides": overrides}})["provider"]["overrides"]

    assert shown == {"n": 0.0, "off": False, "none": None, "empty": {}, "list": [1.0, "a", None, []]}
    assert isinstance(shown["n"], float)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_doubling_changes_nothing_but_ints(value: Any) -> None:
    def ints_of(item: Any) -> int:
        if isinstance(item, dict):
            return sum(map(ints_of, item.values()))
        if isinstance(item, list):
            return sum(map(ints_of, item))
        return int(isinstance(item, int) and not isinstance(item, bool))

    doubled = as_doubles(value)

    assert ints_of(doubled) == 0
    if ints_of(value) == 0:
        assert doubled == value


def test_doubling_goes_as_deep_as_the_value() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {"in": [deep]}

    doubled = as_doubles(deep)

    for _ in range(5000):
        doubled = doubled["in"][0]
    assert isinstance(doubled, float)
