"""Questions of the KubeRay rules about an input: what it asks for, and what cannot be taken."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import Given
from tests.conformance.departures import _given as ask
from tests.conformance.departures._places import DERIVED_FLAGS

MERGED_BY = {"workerGroupSpecs": "groupName", "containers": "name", "initContainers": "name"}
KEYED = MERGED_BY | {"env": "name", "volumes": "name", "volumeMounts": "mountPath", "ports": "containerPort"}
"""Lists whose entries overrides name, and the key that names them."""
TEXT_MAPS = ("rayStartParams", "labels", "annotations", "nodeSelector")


def stock(given: Given) -> bool:
    repository = re.sub(r"(@.*|:[^/]*)$", "", ask.image(given).strip())
    return not repository or repository.endswith("/rayproject/ray-llm") or repository == "rayproject/ray-llm"


def loses_sources(given: Given) -> bool:
    return not all(map(_plain, ask.variables(given)))


def _plain(entry: Mapping[str, Any]) -> bool:
    source = entry.get("valueFrom")
    if not source:
        return True
    secret = source.get("secretKeyRef") if source.keys() == {"secretKeyRef"} else None
    return not entry.get("value") and isinstance(secret, Mapping) and secret.keys() == {"name", "key"}


def repeats_variable(given: Given) -> bool:
    ours = ["MODEL_ID", "VLLM_ENGINE_ARGS"]
    return ask.repeats([*ours, *ask.variable_names(given), *ask.token_variable(given)])


def has_pod_metadata(given: Given) -> bool:
    return bool(ask.pod_metadata(given, "labels") or ask.pod_metadata(given, "annotations"))


def scheduled(given: Given) -> bool:
    return bool(ask.spec(given, "nodeSelector") or ask.spec(given, "tolerations"))


# --- arguments -------------------------------------------------------------------------------------


def flag(token: str) -> str:
    """Flag of a token in the server's spelling; empty for values and for short forms of other flags."""
    name = token.lstrip("-").split("=")[0].strip().replace("_", "-")
    if token.startswith("--") and not token.startswith("---"):
        return name
    return ask.SHORT_FORMS.get(name, "") if token.startswith("-") else ""


def parallel(given: Given) -> bool:
    """Whether workers have several GPUs, the same number in all; how many engines share them is recorded."""
    counts = {ask.gpu_count(given)}
    if ask.disaggregated(given):
        counts = {ask.role_gpus(given, role) for role in ("prefill", "decode")}
    return len(counts) == 1 and max(counts) > 1 and "tensor-parallel-size" not in ask.positive_flags(given)


def switched(given: Given) -> bool:
    engine = ask.spec(given, "engine", default={})
    return bool(
        engine.get("enforceEager") or engine.get("enablePrefixCaching") is False or engine.get("extraArgs")
    )


def set_twice(given: Given) -> bool:
    return not ask.positive_flags(given).isdisjoint(DERIVED_FLAGS)


def quoted(given: Given) -> bool:
    names = (ask.model_id(given), ask.spec(given, "model", "servedName"))
    texts = [*names, *ask.arguments(given), *ask.arguments(given).values()]
    line = [text for text in texts if text] + ask.tokens(given)
    return shlex.join(line) != " ".join(line) or not ask.model_id(given)


# --- what cannot be taken --------------------------------------------------------------------------


def lacks_a_role(given: Given) -> bool:
    gpus = [ask.role_gpus(given, role) for role in ("prefill", "decode")]
    return ask.disaggregated(given) and min(gpus) <= 0


def impossible_name(given: Given) -> bool:
    return len(ask.name(given)) > 40 or ask.impossible_service_name(given)


def lacks_a_model(given: Given) -> bool:
    return not ask.model_id(given) and stock(given)


def refused_flags(given: Given) -> bool:
    own, line = ask.arguments(given), ask.tokens(given)
    keys = {key.strip().lstrip("-").split("=")[0].strip().replace("_", "-") for key in own}
    single = {token.lstrip("-").split("=")[0].strip() for token in line if token.startswith("-")}
    literal = {token[2:].split("=")[0].strip() for token in line if flag(token) and token.startswith("--")}
    return (
        not {"host", "port"}.isdisjoint(keys | single)
        or not literal.isdisjoint(own)
        or any(not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", key) for key in own)
        or (stock(given) and ray_serve_refuses(given))
    )


def ray_serve_refuses(given: Given) -> bool:
    """Whether a token is neither a flag nor one's value, or a name of the model is not one name."""
    before = ""
    for token in ask.tokens(given):
        if not flag(token) and (not before or re.match(r"-(?![0-9.])", token)):
            return True
        before = flag(token) or before
    return any(len(names) != 1 or not names[0] for names in model_names(given).values())


def model_names(given: Given) -> dict[str, list[str]]:
    """The values of the last flag of each kind that names the model; it may be given none, or several."""
    keys = {key.replace("_", "-"): [value] for key, value in sorted(ask.arguments(given).items())}
    found, last = {ask.SHORT_FORMS.get(key, key): value for key, value in keys.items()}, ""
    for token in ask.tokens(given):
        if flag(token):
            last = flag(token)
            found[last] = token.split("=", 1)[1:]
        elif last:
            found[last].append(token)
    wanted = ("model", "served-model-name")
    return {name: found[name] for name in wanted if name in found}


def refused_overrides(given: Given) -> bool:
    """A value that is no object, a root key but `spec`, a key that sizes or escapes, or another shape."""
    overrides = ask.overrides(given)
    if not isinstance(overrides, Mapping) or not overrides.keys() <= {"spec"}:
        return True
    return ask.outside_list("kuberay")(given) or misshapen(overrides, rendered_shape(given))


def taken_overrides(given: Given) -> bool:
    return bool(ask.overrides(given)) and not refused_overrides(given)


def rendered_shape(given: Given) -> Any:
    """Maps, lists and texts that are rendered; lists hold the names of their entries."""
    groups = ["prefill-workers", "decode-workers"] if ask.disaggregated(given) else ["gpu-workers"]
    pod: Any = {"containers": {"ray-head": {"image": ""}, "ray-worker": {"image": ""}}}
    if ask.spec(given, "tolerations"):
        pod["tolerations"] = []
    group = {"rayStartParams": {}, "template": {"metadata": {}, "spec": pod}}
    config = {"headGroupSpec": group, "workerGroupSpecs": dict.fromkeys(groups, group)}
    return {"spec": {"serveConfigV2": "", "rayClusterConfig": config}}


def misshapen(value: Any, shape: Any, key: str = "") -> bool:
    """Whether a value cannot be laid over what is rendered in its place (`shape`; None: nothing is)."""
    if value is None:
        return False
    if key in TEXT_MAPS:
        texts = value.values() if isinstance(value, Mapping) else [0]
        return not all(isinstance(item, str) or item is None for item in texts)
    if key in KEYED:
        return not isinstance(value, list) or any(unfit_entry(entry, shape or {}, key) for entry in value)
    if isinstance(shape, Mapping):
        return not isinstance(value, Mapping) or any(
            misshapen(item, shape.get(name), name) for name, item in value.items()
        )
    return shape is not None and not isinstance(value, type(shape))


def unfit_entry(entry: Any, shape: Mapping[str, Any], key: str) -> bool:
    name = entry.get(KEYED[key]) if isinstance(entry, Mapping) else None
    if not isinstance(name, str | int) or name == "" or (key == "workerGroupSpecs" and name not in shape):
        return True
    return key in MERGED_BY and misshapen(entry, shape.get(str(name), {}))
