"""Inputs that the KubeRay provider refuses and the reference does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Given
from tests.conformance.departures._kuberay_given import (
    KEYED,
    MERGED_BY,
    TEXT_MAPS,
    arguments,
    disaggregated,
    flag,
    role_gpus,
    stock,
    tokens,
)
from tests.conformance.departures._kuberay_serve import user_options


def lacks_a_role(given: Given) -> bool:
    return disaggregated(given) and not (role_gpus(given, "prefill") > 0 and role_gpus(given, "decode") > 0)


def impossible_name(given: Given) -> bool:
    return len(ask.name(given)) > 40 or ask.impossible_service_name(given)


def lacks_a_model(given: Given) -> bool:
    return not ask.spec(given, "model", "id") and stock(given)


def refused_flags(given: Given) -> bool:
    keys = {key.strip().lstrip("-").split("=")[0].strip().replace("_", "-") for key in arguments(given)}
    single = {token.lstrip("-").split("=")[0].strip() for token in tokens(given) if token.startswith("-")}
    literal = {
        token[2:].split("=")[0].strip() for token in tokens(given) if flag(token) and token.startswith("--")
    }
    return (
        not {"host", "port"}.isdisjoint(keys | single)
        or not literal.isdisjoint(arguments(given))
        or any(not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", key) for key in arguments(given))
        or (stock(given) and ray_serve_refuses(given))
    )


def ray_serve_refuses(given: Given) -> bool:
    """Whether a token is neither a flag nor one's value, or a name of the model is not one name."""
    before = ""
    for token in tokens(given):
        if not flag(token) and (not before or re.match(r"-(?![0-9.])", token)):
            return True
        before = flag(token) or before
    names = [options.get(key) for options in [user_options(given)] for key in ("model", "served_model_name")]
    return any(name is not None and (not isinstance(name, str) or not name) for name in names)


def refused_overrides(given: Given) -> bool:
    """A value that is no object, a root key but `spec`, a key that sizes or escapes, or another shape."""
    overrides = ask.overrides(given)
    if not isinstance(overrides, Mapping) or not overrides.keys() <= {"spec"}:
        return True
    keys = set(ask.override_keys(overrides))
    if keys & (ask.DENIED_KEYS | {"minReplicas", "maxReplicas", "numOfHosts", "hostPath"}):
        return True
    return misshapen(overrides, rendered_shape(given))


def rendered_shape(given: Given) -> Any:
    """Maps, lists and texts that are rendered; lists hold the names of their entries."""
    groups = ["prefill-workers", "decode-workers"] if disaggregated(given) else ["gpu-workers"]
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
        return not isinstance(value, Mapping) or not all_texts(value)
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


def all_texts(value: Mapping[str, Any]) -> bool:
    return all(isinstance(item, str) or item is None for item in value.values())
