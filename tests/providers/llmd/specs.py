"""Random ModelDeployments: every spec field, values that admission lets pass, also ones llm-d refuses."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
QUANTITIES = st.sampled_from(["1", "500m", "24Gi", "1.5", "120Gi", "4Ti"])
LABEL_KEYS = st.one_of(
    WORDS,
    st.sampled_from(["app", "airunway.ai/deployment", "airunway.ai/model-deployment", "example.com/team"]),
)
VARIABLES = st.sampled_from(["A", "B", "HF_TOKEN", "HF_HOME", "VLLM_CACHE_ROOT"])
FLAGS = st.sampled_from(
    ["max-num-seqs", "max_model_len", "tensor-parallel-size", "dtype", "model", "enforce-eager", "port"]
)
TOKENS = st.sampled_from(
    ["--seed=5", "-tp", "2", "--no-enable-prefix-caching", "--dtype", "auto", "--port", "--", "-v"]
)


def maps(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def gpus() -> st.SearchStrategy[dict[str, Any]]:
    return maps(
        count=st.integers(0, 64),
        type=st.sampled_from(["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu"]),
    )


def groups() -> st.SearchStrategy[dict[str, Any]]:
    return maps(replicas=st.integers(0, 32), gpu=gpus(), memory=QUANTITIES)


def keys() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"key": WORDS, "name": NAMES}, optional={"optional": st.booleans()})


SOURCES = st.one_of(
    st.fixed_dictionaries({"secretKeyRef": keys()}),
    st.fixed_dictionaries({"configMapKeyRef": keys()}),
    st.fixed_dictionaries({"fieldRef": st.fixed_dictionaries({"fieldPath": st.just("metadata.name")})}),
    st.fixed_dictionaries(
        {"resourceFieldRef": st.fixed_dictionaries({"resource": st.just("limits.memory")})}
    ),
)
ENVIRONMENT = st.lists(
    st.fixed_dictionaries({"name": VARIABLES}, optional={"value": TEXTS, "valueFrom": SOURCES}), max_size=4
)


@st.composite
def storage(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three volumes, a managed one with its claim's options, at most one of each cache."""
    volumes = []
    for index, purpose in enumerate(draw(st.permutations(["modelCache", "compilationCache", "custom"]))):
        volume: dict[str, Any] = {"name": draw(st.sampled_from([f"v{index}", "shm"]))}
        if any(other["name"] == volume["name"] for other in volumes) or not draw(st.booleans()):
            continue
        volume |= {"purpose": purpose, "mountPath": f"/data/{index}"}
        if draw(st.booleans()):
            volume["size"] = draw(st.sampled_from(["10Gi", 20]))
            volume |= draw(
                maps(storageClassName=st.sampled_from(["", "fast"]), accessMode=st.just("ReadWriteOnce"))
            )
        else:
            volume |= {"claimName": f"claim-{index}", "readOnly": draw(st.booleans())}
        volumes.append(volume)
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
                template=maps(
                    metadata=maps(
                        labels=st.dictionaries(LABEL_KEYS, WORDS, max_size=2),
                        annotations=st.dictionaries(WORDS, TEXTS, max_size=2),
                    )
                ),
            )
        }
    ),
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
            id=st.sampled_from(["", "acme/chat-9b"]),
            source=st.sampled_from(["huggingface", "custom"]),
            servedName=WORDS,
            storage=storage(),
        ),
        "engine": st.fixed_dictionaries(
            {"type": st.just("vllm")},
            optional={
                "image": st.just("registry.example.com/engine:7"),
                "contextLength": st.integers(-1, 131072),
                "trustRemoteCode": st.booleans(),
                "enablePrefixCaching": st.booleans(),
                "enforceEager": st.booleans(),
                "args": st.dictionaries(FLAGS, WORDS | st.just(""), max_size=3),
                "extraArgs": st.lists(TOKENS, max_size=4),
            },
        ),
    },
    optional={
        "provider": maps(name=st.just("llmd"), overrides=OVERRIDES),
        "serving": maps(mode=st.sampled_from(["aggregated", "disaggregated"])),
        "scaling": maps(replicas=st.integers(0, 32), prefill=groups(), decode=groups()),
        "resources": maps(gpu=gpus(), memory=QUANTITIES, cpu=QUANTITIES),
        "image": st.just("registry.example.com/engine:7"),
        "env": ENVIRONMENT,
        "podTemplate": maps(
            metadata=maps(
                labels=st.dictionaries(LABEL_KEYS, WORDS, max_size=3),
                annotations=st.dictionaries(WORDS, TEXTS, max_size=2),
            )
        ),
        "secrets": maps(huggingFaceToken=NAMES),
        "gateway": maps(enabled=st.booleans(), modelName=WORDS, httpRouteRef=NAMES),
        "nodeSelector": st.dictionaries(WORDS, WORDS, max_size=2),
        "tolerations": TOLERATIONS,
    },
)


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    """A ModelDeployment as JSON; most have the GPUs and the name that llm-d asks for."""
    spec = draw(SPECS)
    if draw(st.integers(0, 5)):
        one = {"gpu": {"count": draw(st.sampled_from([1, 4])), "type": "nvidia.com/gpu"}}
        spec["resources"] = {**spec.get("resources", {}), **one}
        scaling = spec.get("scaling", {})
        spec["scaling"] = {
            **scaling,
            **{role: {**scaling.get(role, {}), **one} for role in ("prefill", "decode")},
        }
    name = draw(NAMES if draw(st.integers(0, 9)) else st.sampled_from(["a.b", "9lives", "x" * 56, "x" * 64]))
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "team-a", "uid": "u-1", "generation": 1},
        "spec": spec,
    }
