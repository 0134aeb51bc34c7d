"""Random parts of ModelDeployments: every spec field, with values that admission lets pass."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Parts = st.SearchStrategy[dict[str, Any]]

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
WORDS = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
QUANTITIES = st.sampled_from(["1", "500m", "24Gi", "1.5", "120Gi", "4Ti"])
IMAGES = st.just("registry.example.com/engine:7")
ONCE_IN_A_WHILE = st.sampled_from([False] * 9 + [True])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def maps(**fields: st.SearchStrategy[Any]) -> Parts:
    """An object with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _keys() -> Parts:
    return st.fixed_dictionaries({"key": WORDS, "name": NAMES}, optional={"optional": st.booleans()})


SOURCES = st.one_of(
    st.fixed_dictionaries({"secretKeyRef": _keys()}),
    st.fixed_dictionaries({"configMapKeyRef": _keys()}),
    st.fixed_dictionaries({"fieldRef": st.fixed_dictionaries({"fieldPath": st.just("metadata.name")})}),
    st.fixed_dictionaries(
        {"resourceFieldRef": st.fixed_dictionaries({"resource": st.just("limits.memory")})}
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


def engines(flags: st.SearchStrategy[str], tokens: st.SearchStrategy[str]) -> dict[str, Any]:
    """Fields of `spec.engine` besides its type."""
    return {
        "image": IMAGES,
        "contextLength": st.integers(-1, 131072),
        "trustRemoteCode": st.booleans(),
        "enablePrefixCaching": st.booleans(),
        "enforceEager": st.booleans(),
        "args": st.dictionaries(flags, WORDS | st.just(""), max_size=3),
        "extraArgs": st.lists(tokens, max_size=4),
    }


def models(ids: list[str], storage: Parts) -> Parts:
    """`spec.model`."""
    return maps(
        id=st.sampled_from(ids),
        source=st.sampled_from(["huggingface", "custom"]),
        servedName=WORDS,
        storage=storage,
    )


def other_fields(
    *,
    provider: str,
    overrides: st.SearchStrategy[Any],
    gpu_types: list[str],
    variables: list[str],
    label_keys: st.SearchStrategy[str],
) -> dict[str, st.SearchStrategy[Any]]:
    """Fields of `spec` besides model and engine."""
    gpus = maps(count=st.integers(0, 64), type=st.sampled_from(gpu_types))
    groups = maps(replicas=st.integers(0, 32), gpu=gpus, memory=QUANTITIES)
    variable = st.fixed_dictionaries(
        {"name": st.sampled_from(variables)}, optional={"value": TEXTS, "valueFrom": SOURCES}
    )
    metadata = maps(
        labels=st.dictionaries(label_keys, WORDS, max_size=3),
        annotations=st.dictionaries(WORDS, TEXTS, max_size=2),
    )
    return {
        "provider": maps(name=st.just(provider), overrides=overrides),
        "serving": maps(mode=st.sampled_from(["aggregated", "disaggregated"])),
        "scaling": maps(replicas=st.integers(0, 32), prefill=groups, decode=groups),
        "resources": maps(gpu=gpus, memory=QUANTITIES, cpu=QUANTITIES),
        "image": IMAGES,
        "env": st.lists(variable, max_size=4),
        "podTemplate": maps(metadata=metadata),
        "secrets": maps(huggingFaceToken=NAMES),
        "gateway": maps(enabled=st.booleans(), modelName=WORDS, httpRouteRef=NAMES),
        "nodeSelector": st.dictionaries(WORDS, WORDS, max_size=2),
        "tolerations": TOLERATIONS,
    }


def source_of(draw: st.DrawFn, claim: st.SearchStrategy[str]) -> dict[str, Any]:
    """Where a volume comes from: made for it, with options of its claim, or a claim that is there."""
    if draw(st.booleans()):
        made = {"size": draw(st.sampled_from(["10Gi", 20]))}
        options = maps(storageClassName=st.sampled_from(["", "fast"]), accessMode=st.just("ReadWriteOnce"))
        return made | draw(options)
    return {"claimName": draw(claim), "readOnly": draw(st.booleans())}


def with_gpus(sized: dict[str, Any], count: int) -> dict[str, Any]:
    """Resources or a worker group that has at least so many GPUs."""
    gpu = sized.get("gpu", {})
    return {**sized, "gpu": {**gpu, "count": gpu.get("count") or count}}


def as_deployment(
    name: str, spec: dict[str, Any], annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    """The ModelDeployment as JSON."""
    metadata: dict[str, Any] = {"name": name, "namespace": "team-a", "uid": "u-1", "generation": 1}
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": metadata | ({"annotations": annotations} if annotations else {}),
        "spec": spec,
    }
