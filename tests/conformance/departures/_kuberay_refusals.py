"""Inputs that the KubeRay provider refuses and the reference does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Given
from tests.conformance.departures._kuberay_given import (
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
    return misshapen(given, overrides)


def misshapen(given: Given, overrides: Any) -> bool:
    groups = {"prefill-workers", "decode-workers"} if disaggregated(given) else {"gpu-workers"}
    spec = ask.at(overrides, "spec")
    config = ask.at(spec, "rayClusterConfig")
    head_group, worker_groups = ask.at(config, "headGroupSpec"), ask.at(config, "workerGroupSpecs")
    maps = [spec, config, head_group]
    if worker_groups is not None and not isinstance(worker_groups, list):
        return True
    for group in worker_groups or []:
        if not isinstance(group, Mapping) or group.get("groupName") not in groups:
            return True
        maps.append(group)
    for group in [entry for entry in maps[2:] if entry is not None]:
        if not isinstance(group, Mapping):
            return True
        start, template = group.get("rayStartParams"), group.get("template")
        metadata, pod = ask.at(template, "metadata"), ask.at(template, "spec")
        texts = [
            start,
            ask.at(metadata, "labels"),
            ask.at(metadata, "annotations"),
            ask.at(pod, "nodeSelector"),
        ]
        maps += [template, metadata, pod, *texts]
        if any(isinstance(item, Mapping) and not all_texts(item) for item in texts):
            return True
        containers = ask.at(pod, "containers")
        if containers is not None and not (isinstance(containers, list) and all(map(named, containers))):
            return True
    texts = [ask.at(spec, "serveConfigV2")]
    return any(entry is not None and not isinstance(entry, Mapping) for entry in maps) or any(
        entry is not None and not isinstance(entry, str) for entry in texts
    )


def all_texts(value: Mapping[str, Any]) -> bool:
    return all(isinstance(item, str) or item is None for item in value.values())


def named(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("name"), str) and bool(entry["name"])
