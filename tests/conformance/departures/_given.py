"""Questions that the rules ask about a vector's input, answered from the raw JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airunway.api import paths
from airunway.provider.registry import installed_providers
from tests.conformance.departures import Given, Predicate

OWN_LABELS = {
    "airunway.ai/managed-by",
    "airunway.ai/deployment",
    "airunway.ai/model-source",
    "airunway.ai/engine-type",
}
SHORT_FORMS = {"tp": "tensor-parallel-size", "pp": "pipeline-parallel-size", "dp": "data-parallel-size"}
CACHES = {"modelCache": "HF_HOME", "compilationCache": "VLLM_CACHE_ROOT"}


def at(value: Any, *path: str, default: Any = None) -> Any:
    """The value at a path, or `default` where the path ends early or at null."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return default if value is None else value


def count(value: Any, *path: str) -> int:
    """The whole number at a path; 0 when there is none."""
    found = at(value, *path)
    return found if type(found) is int else 0


def both(*predicates: Predicate) -> Predicate:
    """Whether all of them say so."""
    return lambda given: all(predicate(given) for predicate in predicates)


# --- a deployment ----------------------------------------------------------------------------------


def spec(given: Given, *path: str, default: Any = None) -> Any:
    return at(given["model_deployment"], "spec", *path, default=default)


def has(*path: str) -> Predicate:
    """Whether the spec says something at a path."""
    return lambda given: bool(spec(given, *path))


def engine(given: Given) -> str:
    return str(
        spec(given, "engine", "type") or at(given["model_deployment"], "status", "engine", "type", default="")
    )


def engine_is(name: str) -> Predicate:
    return lambda given: engine(given) == name


def disaggregated(given: Given) -> bool:
    return bool(spec(given, "serving", "mode") == "disaggregated")


def no_replicas(given: Given) -> bool:
    return bool(spec(given, "scaling", "replicas") == 0)


def scaled_to_zero(given: Given) -> bool:
    return no_replicas(given) and not disaggregated(given)


def no_model(given: Given) -> bool:
    return not model_id(given)


def gpu_count(given: Given) -> int:
    return int(spec(given, "resources", "gpu", "count", default=0))


def gpu_type(given: Given) -> str:
    return str(spec(given, "resources", "gpu", "type") or "nvidia.com/gpu")


def role_gpus(given: Given, role: str) -> int:
    return int(spec(given, "scaling", role, "gpu", "count", default=0))


def image(given: Given) -> str:
    return str(spec(given, "engine", "image") or spec(given, "image", default=""))


def name(given: Given) -> str:
    return str(given["model_deployment"]["metadata"]["name"])


def model_id(given: Given) -> str:
    return str(spec(given, "model", "id", default=""))


def other_vendor(given: Given) -> bool:
    """Whether GPUs are asked for that are not NVIDIA's, in the mode that counts."""
    groups = [("scaling", "prefill"), ("scaling", "decode")] if disaggregated(given) else [("resources",)]
    gpus = [spec(given, *path, "gpu", default={}) for path in groups]
    types = {gpu.get("type") or "nvidia.com/gpu" for gpu in gpus if gpu.get("count")}
    return any(not kind.startswith("nvidia.com/") for kind in types)


def default_image_of_another_vendor(given: Given) -> bool:
    """Whether GPUs are asked for that the default image is not made for, and no image is named."""
    return other_vendor(given) and not image(given)


def impossible_service_name(given: Given, suffix: str = "") -> bool:
    return not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name(given) + suffix)


def pod_metadata(given: Given, part: str) -> dict[str, str]:
    return dict(spec(given, "podTemplate", "metadata", part, default={}))


def relabels(given: Given, *others: str) -> bool:
    """Whether the labels of the pod template hold one of our own keys."""
    return not (OWN_LABELS | {*others}).isdisjoint(pod_metadata(given, "labels"))


# --- storage and environment -----------------------------------------------------------------------


def volumes(given: Given) -> list[dict[str, Any]]:
    return list(spec(given, "model", "storage", "volumes", default=[]))


def has_sized_volume(given: Given) -> bool:
    return any(volume.get("size") is not None for volume in volumes(given))


def claim_of(given: Given, volume: Mapping[str, Any]) -> str:
    return str(volume.get("claimName") or f"{name(given)}-{volume['name']}")


def mount_of(volume: Mapping[str, Any]) -> str:
    defaults = {"modelCache": "/model-cache", "compilationCache": "/compilation-cache"}
    return str(volume.get("mountPath") or defaults.get(volume.get("purpose", ""), ""))


def variables(given: Given) -> list[dict[str, Any]]:
    return list(spec(given, "env", default=[]))


def variable_names(given: Given) -> list[str]:
    return [entry["name"] for entry in variables(given)]


def has_cache(given: Given) -> bool:
    """Whether there is a volume of a cache whose variable the user does not set."""
    wanted = {CACHES.get(volume.get("purpose", "")) for volume in volumes(given)} - {None}
    return not wanted <= {*variable_names(given)}


def token_variable(given: Given) -> list[str]:
    return ["HF_TOKEN"] if spec(given, "secrets", "huggingFaceToken") else []


def repeats(names: list[str]) -> bool:
    return len(names) != len(set(names))


def loses_sources(given: Given) -> bool:
    return any(map(_loses_source, variables(given)))


def _loses_source(entry: Mapping[str, Any]) -> bool:
    """Whether the reference drops a part of a variable's source: all but name and key of a Secret."""
    source = {kind: value for kind, value in (entry.get("valueFrom") or {}).items() if value is not None}
    plain = set(source) == {"secretKeyRef"} and "optional" not in source["secretKeyRef"]
    return bool(source) and (not plain or bool(entry.get("value")))


# --- arguments -------------------------------------------------------------------------------------


def arguments(given: Given) -> dict[str, str]:
    return dict(spec(given, "engine", "args", default={}))


def tokens(given: Given) -> list[str]:
    return list(spec(given, "engine", "extraArgs", default=[]))


_LONGEST_SHORT_FORM = 3
WORDS = {"true", "false", "yes", "no", "on", "off", "1", "0"}
"""Texts that decide about a switch instead of following it."""


def worded_flags(given: Given) -> set[str]:
    """Flags that may stand otherwise than `--key value`: a switch's word, several values, short names."""
    args = arguments(given).items()
    found = {key for key, value in args if _is_word(value) or re.search(r"^-|\s|^\[", value)}
    found |= {key for key in arguments(given) if "_" in key or len(key) <= _LONGEST_SHORT_FORM}
    for token, after in zip(tokens(given), [*tokens(given)[1:], ""], strict=False):
        flag, _, value = token.partition("=")
        if token.startswith("--") and (_is_word(value or after) or flag.startswith("--no-")):
            found.add(flag[2:].strip())
    return found - {""}


def _is_word(value: str) -> bool:
    return value.strip().lower() in WORDS


def words_a_flag(given: Given) -> bool:
    return bool(worded_flags(given))


def written_flags(given: Given) -> set[str]:
    """Flags of the user, in the server's spelling; `-tp` as its long form."""
    found = {key.replace("_", "-") for key in arguments(given)}
    for token in tokens(given):
        dashes = len(token) - len(token.lstrip("-"))
        found.add(
            _spelled(token) if dashes == 2 else SHORT_FORMS.get(_spelled(token), "") if dashes == 1 else ""
        )
    return found - {""}


def _spelled(flag: str) -> str:
    return flag.lstrip("-").split("=")[0].strip().replace("_", "-")


def positive_flags(given: Given) -> set[str]:
    """The same without the `no-` of negated flags."""
    return {flag.removeprefix("no-") for flag in written_flags(given)}


def sets_flag(name: str) -> Predicate:
    return lambda given: name in written_flags(given)


def turns_caching_off(given: Given) -> bool:
    return spec(given, "engine", "enablePrefixCaching") is False


# --- overrides -------------------------------------------------------------------------------------


def overrides(given: Given) -> Any:
    return spec(given, "provider", "overrides", default={})


def overridden(given: Given, *path: str) -> bool:
    """Whether overrides set the field at a path, delete it, or replace something above it."""
    current = overrides(given)
    for key in path:
        if not isinstance(current, Mapping):
            return True
        if key not in current:
            return False
        current = current[key]
    return True


def override_at(given: Given, *path: str) -> Any:
    """What overrides say at a path; an empty map when they say nothing, a value above it as it is."""
    current: Any = overrides(given)
    for key in path:
        current = current.get(key, {}) if isinstance(current, Mapping) else current
    return current


def outside_list(provider: str) -> Predicate:
    """Whether overrides touch what the provider's list does not let a tenant touch."""
    allowed = [paths.pattern(text) for text in installed_providers()[provider].overridable]
    return lambda given: next(paths.outside(overrides(given), allowed), None) is not None


# --- an upstream object ----------------------------------------------------------------------------


def upstream_status(given: Given) -> Mapping[str, Any]:
    found = given["upstream"].get("status")
    return found if isinstance(found, Mapping) else {}


def conditions(given: Given) -> list[Mapping[str, Any]]:
    """The conditions that are objects; of equal types the last."""
    found = upstream_status(given).get("conditions")
    entries = found if isinstance(found, list) else []
    return list({str(entry.get("type")): entry for entry in entries if isinstance(entry, Mapping)}.values())


def condition(given: Given, kind: str) -> Mapping[str, Any]:
    return next((entry for entry in conditions(given) if entry.get("type") == kind), {})


def has_words(given: Given) -> bool:
    """Whether a condition that is not True says why."""
    return any(
        entry.get("status") in ("False", "Unknown") and (entry.get("message") or entry.get("reason"))
        for entry in conditions(given)
    )


def stale(given: Given) -> bool:
    """Whether the upstream status belongs to an earlier generation; what is no number says nothing."""
    generation = at(given["upstream"], "metadata", "generation", default=0)
    seen = upstream_status(given).get("observedGeneration")
    return isinstance(seen, int) and isinstance(generation, int) and seen < generation
