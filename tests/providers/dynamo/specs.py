"""Random ModelDeployments for Dynamo, also such as it refuses."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from airunway.provider import RenderContext
from airunway.providers.dynamo.config import BETA
from airunway.providers.dynamo.runtime_version import SERVED_FIELDS
from tests.providers import spec_parts
from tests.providers.spec_parts import IMAGES, NAMES, ONCE_IN_A_WHILE, QUANTITIES, WORDS, maps

FLAGS = """
    max-num-seqs tensor_parallel_size connector model model-path block-size page-size kv-transfer-config
    kv_block_size dtype disaggregation-mode
"""
TOKENS = """
    --seed=5 -tp 2 --no-enable-prefix-caching --block-size --page-size=64 -- -v --kv_transfer_config {}
    --disaggregation-mode=agg --model
"""


@st.composite
def storage(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three volumes; sometimes one claim twice, a dotted one, or one without a path."""
    volumes = []
    for index, purpose in enumerate(draw(st.permutations(["modelCache", "compilationCache", "custom"]))):
        if not draw(st.booleans()):
            continue
        volume: dict[str, Any] = {"name": f"v{index}", "purpose": purpose}
        if draw(ONCE_IN_A_WHILE) or purpose == "custom":
            volume["mountPath"] = draw(st.sampled_from([f"/data/{index}"] * 9 + [""]))
        odd = st.sampled_from(["shared", "claim.v1"])
        claim = odd if draw(ONCE_IN_A_WHILE) else st.just(f"claim-{index}")
        volumes.append(volume | spec_parts.source_of(draw, claim))
    return {"volumes": volumes}


SERVICE = maps(
    multinode=st.fixed_dictionaries({"nodeCount": st.integers(2, 4)}),
    sharedMemory=st.just({"size": "16Gi"}),
    envs=st.just([{"name": "A", "value": "b"}]),
    extraPodMetadata=st.just({"labels": {"team": "x"}}),
    extraPodSpec=maps(mainContainer=maps(env=st.just([{"name": "A"}]), args=st.just(["--a"]))),
)
OVERRIDES = st.one_of(
    st.sampled_from(
        [
            *(7, None, {}, {"metadata": {}}, {"spec": None}, {"spec": {"services": []}}, {"epp": "x"}),
            *({"spec": {"replicas": 9}}, {"frontend": {"replicas": "2"}}, {"routerMode": "nearest"}),
            *({"epp": {"Image": "x"}}, {"RouterMode": "kv"}, {"extra": [{"a": {}}]}),
        ]
    ),
    maps(
        routerMode=st.sampled_from(["", "kv", "round-robin", "random"]),
        frontend=st.none()
        | maps(replicas=st.integers(0, 9), resources=maps(cpu=QUANTITIES | st.just(""), memory=QUANTITIES)),
        epp=maps(replicas=st.integers(0, 3), image=IMAGES),
        spec=maps(
            envs=st.just([{"name": "A", "value": "b"}]),
            services=maps(Planner=st.just({"componentType": "planner"})),
        ),
    ),
    st.fixed_dictionaries({"spec": st.fixed_dictionaries({"services": maps(VllmWorker=SERVICE)})}),
)
SPECS = st.fixed_dictionaries(
    {
        "model": spec_parts.models(["", "acme/chat-9b", "日本/模型"], storage()),
        "engine": maps(
            type=st.sampled_from(["vllm", "sglang", "trtllm", "llamacpp"]),
            **spec_parts.engines(
                st.sampled_from([*FLAGS.split(), "bad key"]), st.sampled_from(TOKENS.split())
            ),
        ),
    },
    optional=spec_parts.other_fields(
        provider="dynamo",
        overrides=OVERRIDES,
        gpu_types=["", "nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu"],
        variables=["A", "B", "HF_TOKEN", "HF_HOME", "VLLM_NIXL_SIDE_CHANNEL_HOST"],
        label_keys=WORDS,
    ),
)


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    """A ModelDeployment as JSON; most have the engine, the GPUs, the model and the name Dynamo asks for."""
    spec = draw(SPECS)
    if not draw(ONCE_IN_A_WHILE):
        spec["model"]["id"] = spec["model"].get("id") or "acme/chat-9b"
        split = spec.get("serving", {}).get("mode") == "disaggregated"
        kinds = ["vllm", "sglang"] if split else ["vllm", "sglang", "trtllm"]
        spec["engine"]["type"] = draw(st.sampled_from(kinds))
        spec["resources"] = spec_parts.with_gpus(spec.get("resources", {}), draw(st.integers(1, 8)))
        scaling = spec.get("scaling", {})
        groups = {role: spec_parts.with_gpus(scaling.get(role, {}), 2) for role in ("prefill", "decode")}
        spec["scaling"] = {**scaling, **groups}
    odd = st.sampled_from(["a.b", "9lives", "x" * 49, "x" * 55, "x" * 64])
    name = draw(odd if draw(ONCE_IN_A_WHILE) else NAMES)
    mocker = {"airunway.ai/dynamo-test-backend": "mocker"} if draw(ONCE_IN_A_WHILE) else {}
    return spec_parts.as_deployment(name, spec, mocker)


def contexts() -> st.SearchStrategy[RenderContext]:
    """What the worker knows of the cluster."""
    return st.builds(
        RenderContext,
        routed_by_gateway=st.booleans(),
        api_version=st.sampled_from(["", BETA]),
        served_fields=st.sampled_from([(), tuple(SERVED_FIELDS.values())]),
    )
