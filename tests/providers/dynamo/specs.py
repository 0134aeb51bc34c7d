"""Random ModelDeployments: every spec field, values that admission lets pass, also ones Dynamo refuses."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from airunway.provider.contract import RenderContext

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
QUANTITIES = st.sampled_from(["1", "500m", "24Gi", "1.5", "4Ti"])
VARIABLES = st.sampled_from(["A", "B", "HF_TOKEN", "HF_HOME", "VLLM_NIXL_SIDE_CHANNEL_HOST"])
FLAGS = st.sampled_from(
    [
        *(
            "max-num-seqs",
            "tensor_parallel_size",
            "connector",
            "model",
            "model-path",
            "block-size",
            "page-size",
        ),
        *("kv-transfer-config", "kv_block_size", "dtype", "disaggregation-mode", "bad key"),
    ]
)
TOKENS = st.sampled_from(
    [
        *("--seed=5", "-tp", "2", "--no-enable-prefix-caching", "--block-size", "--page-size=64", "--", "-v"),
        *("--kv_transfer_config", "{}", "--disaggregation-mode=agg", "--model"),
    ]
)
IMAGES = st.just("registry.example.com/engine:7")


ONCE_IN_A_WHILE = st.sampled_from([False] * 9 + [True])


def maps(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


GPUS = maps(
    count=st.integers(0, 64),
    type=st.sampled_from(["", "nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu"]),
)
GROUPS = maps(replicas=st.integers(0, 32), gpu=GPUS, memory=QUANTITIES)
SOURCES = st.one_of(
    st.fixed_dictionaries({"secretKeyRef": st.fixed_dictionaries({"key": WORDS, "name": NAMES})}),
    st.fixed_dictionaries({"configMapKeyRef": st.fixed_dictionaries({"key": WORDS, "name": NAMES})}),
    st.fixed_dictionaries({"fieldRef": st.fixed_dictionaries({"fieldPath": st.just("metadata.name")})}),
)
ENVIRONMENT = st.lists(
    st.fixed_dictionaries({"name": VARIABLES}, optional={"value": TEXTS, "valueFrom": SOURCES}), max_size=4
)


@st.composite
def storage(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three volumes, a managed one with its claim's options; sometimes one claim twice."""
    volumes = []
    for index, purpose in enumerate(draw(st.permutations(["modelCache", "compilationCache", "custom"]))):
        if not draw(st.booleans()):
            continue
        volume: dict[str, Any] = {"name": f"v{index}", "purpose": purpose}
        if draw(ONCE_IN_A_WHILE) or purpose == "custom":
            volume["mountPath"] = draw(st.sampled_from([f"/data/{index}"] * 9 + [""]))
        if draw(st.booleans()):
            volume["size"] = draw(st.sampled_from(["10Gi", 20]))
            volume |= draw(
                maps(storageClassName=st.sampled_from(["", "fast"]), accessMode=st.just("ReadWriteOnce"))
            )
        else:
            odd = draw(ONCE_IN_A_WHILE)
            volume["claimName"] = draw(st.sampled_from(["shared", "claim.v1"])) if odd else f"claim-{index}"
            volume["readOnly"] = draw(st.booleans())
        volumes.append(volume)
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
TOLERATIONS = st.lists(
    maps(
        key=WORDS,
        operator=st.sampled_from(["Exists", "Equal"]),
        value=WORDS,
        effect=st.sampled_from(["NoSchedule", "NoExecute"]),
        tolerationSeconds=st.integers(0, 600),
    ),
    max_size=3,
)

SPECS = st.fixed_dictionaries(
    {
        "model": maps(
            id=st.sampled_from(["", "acme/chat-9b", "日本/模型"]),
            source=st.sampled_from(["huggingface", "custom"]),
            servedName=WORDS,
            storage=storage(),
        ),
        "engine": maps(
            type=st.sampled_from(["vllm", "sglang", "trtllm", "llamacpp"]),
            image=IMAGES,
            contextLength=st.integers(-1, 131072),
            trustRemoteCode=st.booleans(),
            enablePrefixCaching=st.booleans(),
            enforceEager=st.booleans(),
            args=st.dictionaries(FLAGS, WORDS | st.just(""), max_size=3),
            extraArgs=st.lists(TOKENS, max_size=4),
        ),
    },
    optional={
        "provider": maps(name=st.just("dynamo"), overrides=OVERRIDES),
        "serving": maps(mode=st.sampled_from(["aggregated", "disaggregated"])),
        "scaling": maps(replicas=st.integers(0, 32), prefill=GROUPS, decode=GROUPS),
        "resources": maps(gpu=GPUS, memory=QUANTITIES, cpu=QUANTITIES),
        "image": IMAGES,
        "env": ENVIRONMENT,
        "podTemplate": maps(
            metadata=maps(
                labels=st.dictionaries(WORDS, WORDS, max_size=2),
                annotations=st.dictionaries(WORDS, TEXTS, max_size=2),
            )
        ),
        "secrets": maps(huggingFaceToken=NAMES),
        "gateway": maps(enabled=st.booleans(), modelName=WORDS, httpRouteRef=NAMES),
        "nodeSelector": st.dictionaries(WORDS, WORDS, max_size=2),
        "tolerations": TOLERATIONS,
    },
)


def _one_group(spec: dict[str, Any]) -> bool:
    return bool(spec.get("serving", {}).get("mode") != "disaggregated")


def _with_gpus(sized: dict[str, Any], count: int) -> dict[str, Any]:
    gpu = sized.get("gpu", {})
    return {**sized, "gpu": {**gpu, "count": gpu.get("count") or count}}


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    """A ModelDeployment as JSON; most have the engine, the GPUs, the model and the name Dynamo asks for."""
    spec = draw(SPECS)
    if not draw(ONCE_IN_A_WHILE):
        spec["model"]["id"] = spec["model"].get("id") or "acme/chat-9b"
        kinds = ["vllm", "sglang", "trtllm"]
        spec["engine"]["type"] = draw(st.sampled_from(kinds if _one_group(spec) else kinds[:2]))
        spec["resources"] = _with_gpus(spec.get("resources", {}), draw(st.integers(1, 8)))
        scaling = spec.get("scaling", {})
        groups = {role: _with_gpus(scaling.get(role, {}), 2) for role in ("prefill", "decode")}
        spec["scaling"] = {**scaling, **groups}
    odd = st.sampled_from(["a.b", "9lives", "x" * 49, "x" * 55, "x" * 64])
    name = draw(odd if draw(ONCE_IN_A_WHILE) else NAMES)
    mocker = {"airunway.ai/dynamo-test-backend": "mocker"} if draw(ONCE_IN_A_WHILE) else {}
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "team-a", "uid": "u-1", "annotations": mocker},
        "spec": spec,
    }


def contexts() -> st.SearchStrategy[RenderContext]:
    """What the worker knows of the cluster."""
    return st.builds(RenderContext, inference_pools=st.sampled_from([None, True, False]))
