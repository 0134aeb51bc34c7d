from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airunway.selection.defaulting import with_defaults


def defaulted(spec: dict[str, Any], *, name: str = "tiny") -> dict[str, Any]:
    obj = {"metadata": {"name": name}, "spec": spec}
    before = copy.deepcopy(obj)
    filled: dict[str, Any] = with_defaults(obj)["spec"]
    assert obj == before, "the input was changed"
    return filled


def test_the_smallest_object() -> None:
    assert defaulted({"model": {"id": "acme/tiny-1b"}}) == {
        "model": {"id": "acme/tiny-1b", "source": "huggingface"},
        "engine": {},
        "serving": {"mode": "aggregated"},
        "scaling": {"replicas": 1},
    }


def test_the_worked_example() -> None:
    filled = defaulted(
        {
            "model": {
                "id": "acme/tiny-1b",
                "storage": {"volumes": [{"name": "weights", "purpose": "modelCache", "size": "2048Mi"}]},
            },
            "engine": {"type": "vllm"},
        }
    )

    assert filled["resources"] == {"gpu": {"count": 1, "type": "nvidia.com/gpu"}}
    assert filled["model"]["storage"]["volumes"] == [
        {
            "name": "weights",
            "purpose": "modelCache",
            "mountPath": "/model-cache",
            "claimName": "tiny-weights",
            "accessMode": "ReadWriteMany",
            "size": "2Gi",
        }
    ]


def test_a_list_entry_of_nothing_is_an_empty_one() -> None:
    filled = defaulted(
        {
            "model": {"storage": {"volumes": [None]}},
            "engine": {"extraArgs": ["a", None]},
            "env": [None],
            "tolerations": [None, {"key": "k"}],
        }
    )

    assert filled["engine"]["extraArgs"] == ["a", ""]
    assert filled["env"] == [{"name": ""}]
    assert filled["tolerations"] == [{}, {"key": "k"}]
    assert filled["model"]["storage"]["volumes"] == [{"name": "", "purpose": "custom"}]


def test_a_divisor_is_0_unless_something_is_given() -> None:
    def divisor(**given: Any) -> Any:
        source = {"resource": "limits.cpu", **given}
        variable = {"name": "A", "valueFrom": {"resourceFieldRef": source}}
        (filled,) = defaulted({"model": {}, "env": [variable]})["env"]
        return filled["valueFrom"]["resourceFieldRef"]["divisor"]

    assert [divisor(), divisor(divisor=None), divisor(divisor="1000m")] == ["0", "0", "1"]
    assert divisor(divisor="") == "", "left for the schema to refuse"


def test_blanks_around_a_size_are_dropped() -> None:
    volume = {"name": "w", "size": " 1024Mi\n"}

    filled = defaulted({"model": {"storage": {"volumes": [volume]}}})

    assert filled["model"]["storage"]["volumes"][0]["size"] == "1Gi"


def test_when_a_gpu_is_assumed() -> None:
    def has_gpu(**spec: Any) -> bool:
        return "gpu" in defaulted({"model": {}, **spec}).get("resources", {})

    assert has_gpu(engine={"type": "vllm"})
    assert has_gpu(engine={"type": "vllm", "image": "i:1"})
    assert not has_gpu(engine={"type": "llamacpp"})
    assert not has_gpu(engine={})
    assert not has_gpu(engine={"type": "vllm"}, image="i:1")
    assert not has_gpu(engine={"type": "vllm"}, resources={})
    assert not has_gpu(engine={"type": "vllm"}, serving={"mode": "disaggregated"})


def test_disaggregated_mode_gets_no_scaling_but_gpu_types() -> None:
    assert "scaling" not in defaulted({"serving": {"mode": "disaggregated"}})
    filled = defaulted({"scaling": {"prefill": {"gpu": {"count": 1}}, "decode": {"gpu": {}}}})
    assert filled["scaling"]["prefill"]["gpu"]["type"] == "nvidia.com/gpu"
    assert filled["scaling"]["decode"]["gpu"]["type"] == "nvidia.com/gpu"
    assert "replicas" not in filled["scaling"]


def test_a_claim_is_not_named_before_its_deployment_is() -> None:
    volumes = [{"name": "weights", "purpose": "modelCache", "size": "1Gi"}]

    filled = defaulted({"model": {"storage": {"volumes": volumes}}}, name="")

    assert "claimName" not in filled["model"]["storage"]["volumes"][0]


def test_explicit_zeros_and_unknown_fields_survive() -> None:
    spec = {
        "model": {"id": "o/m", "flavour": 1},
        "scaling": {"replicas": 0},
        "engine": {"enablePrefixCaching": False},
        "gateway": {"enabled": False},
    }

    filled = defaulted(spec)

    for key, value in spec.items():
        assert isinstance(value, dict)
        assert value.items() <= filled[key].items()


def test_required_texts_of_variables_become_empty() -> None:
    env = [
        {"valueFrom": {"secretKeyRef": {"name": "s"}}},
        {"name": "M", "valueFrom": {"resourceFieldRef": {"resource": "r", "divisor": "1024Ki"}}},
        {"name": "N", "valueFrom": {"resourceFieldRef": {"resource": "r"}}},
    ]

    filled = defaulted({"env": env})["env"]

    assert filled[0] == {"name": "", "valueFrom": {"secretKeyRef": {"name": "s", "key": ""}}}
    assert filled[1]["valueFrom"]["resourceFieldRef"]["divisor"] == "1Mi"
    assert filled[2]["valueFrom"]["resourceFieldRef"]["divisor"] == "0"


KEYS = (
    "model engine type scaling prefill gpu resources storage volumes size purpose name env valueFrom "
    "resourceFieldRef divisor serving mode"
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(anything, anything)
def test_any_data_is_defaulted_once_and_for_all(spec: Any, metadata: Any) -> None:
    once = with_defaults({"metadata": metadata, "spec": spec})

    assert with_defaults(once) == once
