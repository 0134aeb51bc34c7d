"""Random ModelDeployments for llm-d, also such as it refuses."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.providers import spec_parts
from tests.providers.spec_parts import NAMES, TEXTS, WORDS, maps

LABEL_KEYS = st.one_of(
    WORDS,
    st.sampled_from(["app", "airunway.ai/deployment", "airunway.ai/model-deployment", "example.com/team"]),
)
FLAGS = "max-num-seqs max_model_len tensor-parallel-size dtype model enforce-eager port"
TOKENS = "--seed=5 -tp 2 --no-enable-prefix-caching --dtype auto --port -- -v"


@st.composite
def storage(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three volumes, at most one of each cache."""
    volumes = []
    for index, purpose in enumerate(draw(st.permutations(["modelCache", "compilationCache", "custom"]))):
        volume: dict[str, Any] = {"name": draw(st.sampled_from([f"v{index}", "shm"]))}
        if any(other["name"] == volume["name"] for other in volumes) or not draw(st.booleans()):
            continue
        volume |= {"purpose": purpose, "mountPath": f"/data/{index}"}
        volumes.append(volume | spec_parts.source_of(draw, st.just(f"claim-{index}")))
    return {"volumes": volumes}


REFUSED_OVERRIDES = st.sampled_from(
    [
        7,
        {"metadata": {"name": "other"}},
        {"spec": None},
        {"spec": {"replicas": 9}},
        {"spec": {"selector": {"matchLabels": {"x": "1"}}}},
        {"spec": {"template": None}},
        {"spec": {"template": {"spec": {}}}},
        {"spec": {"template": {"metadata": {"labels": {"x": None}}}}},
        {"spec": {"template": {"metadata": {"annotations": ["x"]}}}},
    ]
)
METADATA = maps(
    labels=st.dictionaries(LABEL_KEYS, WORDS, max_size=2),
    annotations=st.dictionaries(WORDS, TEXTS, max_size=2),
)
OVERRIDES = st.one_of(
    st.just({}),
    REFUSED_OVERRIDES,
    st.fixed_dictionaries(
        {
            "spec": maps(
                minReadySeconds=st.integers(0, 60),
                revisionHistoryLimit=st.integers(0, 9),
                paused=st.booleans(),
                strategy=st.just({"type": "Recreate"}),
                template=maps(metadata=METADATA),
            )
        }
    ),
)
SPECS = st.fixed_dictionaries(
    {
        "model": spec_parts.models(["", "acme/chat-9b"], storage()),
        "engine": st.fixed_dictionaries(
            {"type": st.just("vllm")},
            optional=spec_parts.engines(st.sampled_from(FLAGS.split()), st.sampled_from(TOKENS.split())),
        ),
    },
    optional=spec_parts.other_fields(
        provider="llmd",
        overrides=OVERRIDES,
        gpu_types=["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu"],
        variables=["A", "B", "HF_TOKEN", "HF_HOME", "VLLM_CACHE_ROOT"],
        label_keys=LABEL_KEYS,
    ),
)


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    """A ModelDeployment as JSON; most have the GPUs and the name that llm-d asks for."""
    spec = draw(SPECS)
    if draw(st.integers(0, 5)):
        one = {"gpu": {"count": draw(st.sampled_from([1, 4])), "type": "nvidia.com/gpu"}}
        spec["resources"] = {**spec.get("resources", {}), **one}
        scaling = spec.get("scaling", {})
        groups = {role: {**scaling.get(role, {}), **one} for role in ("prefill", "decode")}
        spec["scaling"] = {**scaling, **groups}
    odd = st.sampled_from(["a.b", "9lives", "x" * 56, "x" * 64])
    return spec_parts.as_deployment(draw(NAMES if draw(st.integers(0, 9)) else odd), spec)
