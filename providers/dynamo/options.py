"""The override keys that Dynamo gives a meaning of their own. Source: dynamo.md §9.

    routerMode, frontend.{replicas, resources.{cpu, memory}}, epp.{replicas, image, resources.{cpu, memory}},
    download.resources.{cpu, memory}

Everything else in `spec.provider.overrides` that has an effect stands under `spec`, which is merged into
the rendered object. Keys are matched exactly: a key in other letters would slip past admission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD
from airunway.provider import RenderError, overrides, rendering

DEFAULT_ROUTER_MODE = "round-robin"
ROUTER_MODES = (
    DEFAULT_ROUTER_MODE,
    "random",
    "power-of-two",
    "least-loaded",
    "device-aware-weighted",
    "kv",
    "direct",
)
"""What the frontend accepts as `DYN_ROUTER_MODE`."""

MERGED_KEY = "spec"
TYPED_KEYS: Mapping[str, Any] = {
    "routerMode": None,
    "frontend": {"replicas": None, "resources": {"cpu": None, "memory": None}},
    "epp": {"replicas": None, "image": None, "resources": {"cpu": None, "memory": None}},
    "download": {"resources": {"cpu": None, "memory": None}},
}
_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Options:
    """The typed keys; an empty text stands for the default. Sizes hold `cpu` and `memory`, if given."""

    router_mode: str = DEFAULT_ROUTER_MODE
    frontend_replicas: int = 1
    frontend_size: Mapping[str, str] = field(default_factory=dict)
    epp_replicas: int = 1
    epp_image: str = ""
    epp_size: Mapping[str, str] = field(default_factory=dict)
    download_size: Mapping[str, str] = field(default_factory=dict)


def options_of(deployment: ModelDeployment) -> Options:
    """The typed keys of the overrides. Raises RenderError for a wrong type, naming the key."""
    given = overrides.overrides_of(deployment)
    frontend, epp = _object(given, "frontend"), _object(given, "epp")
    return Options(
        router_mode=_text(given, "routerMode") or DEFAULT_ROUTER_MODE,
        frontend_replicas=_count(frontend, "replicas", at="frontend."),
        frontend_size=_size(frontend, at="frontend."),
        epp_replicas=_count(epp, "replicas", at="epp."),
        epp_image=_text(epp, "image", at="epp."),
        epp_size=_size(epp, at="epp."),
        download_size=_size(_object(given, "download"), at="download."),
    )


def merged_part(deployment: ModelDeployment) -> dict[str, Any]:
    """What is laid over the rendered object: `spec` of the overrides, or nothing.

    Raises RenderError when overrides touch the object's identity, or put something else than an object where
    one must stay.
    """
    given = overrides.overrides_of(deployment)
    overrides.refuse_identity(given)
    if MERGED_KEY not in given:
        return {}
    services = _kept_object(_kept_object(given, MERGED_KEY), "services", at=f"{MERGED_KEY}.")
    for name, service in services.items():
        if service is not None:  # null takes the service away
            _kept_object(services, name, at=f"{MERGED_KEY}.services.")
    return {MERGED_KEY: given[MERGED_KEY]}


def overridden_services(deployment: ModelDeployment) -> dict[str, Any]:
    """The services that overrides name, by key, for checks; of a shape that is refused later, none."""
    try:
        services = merged_part(deployment).get(MERGED_KEY, {}).get("services", {})
    except RenderError:
        return {}
    return {key: service for key, service in services.items() if isinstance(service, Mapping)}


def unknown_keys(deployment: ModelDeployment) -> list[str]:
    """Paths of override keys that mean nothing to Dynamo; they would be dropped without a word."""
    given = overrides.overrides_of(deployment)
    return list(_unknown({key: value for key, value in given.items() if key != MERGED_KEY}, TYPED_KEYS))


def _unknown(given: Mapping[str, Any], known: Mapping[str, Any], at: str = FIELD) -> list[str]:
    found = []
    for key, value in given.items():
        path = f"{at}.{key}"
        if key not in known:
            found.append(path)
        elif known[key] is not None and isinstance(value, Mapping):
            found += _unknown(value, known[key], path)
    return found


def _kept_object(parent: Mapping[str, Any], key: str, *, at: str = "") -> Mapping[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, Mapping):
        raise RenderError(f"{FIELD}.{at}{key}: must be an object")
    return value


def _object(parent: Mapping[str, Any], key: str, *, at: str = "") -> Mapping[str, Any]:
    return {} if parent.get(key) is None else _kept_object(parent, key, at=at)


def _size(parent: Mapping[str, Any], *, at: str) -> dict[str, str]:
    resources = _object(parent, "resources", at=at)
    return rendering.without_empty(
        cpu=_text(resources, "cpu", at=f"{at}resources."),
        memory=_text(resources, "memory", at=f"{at}resources."),
    )


def _text(parent: Mapping[str, Any], key: str, *, at: str = "") -> str:
    value = parent.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RenderError(f"{FIELD}.{at}{key}: must be a text, not {type(value).__name__}")
    return value


def _count(parent: Mapping[str, Any], key: str, *, at: str) -> int:
    value = parent.get(key)
    if value is None:
        return 1
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _INT32_MAX:
        raise RenderError(f"{FIELD}.{at}{key}: must be a whole number from 0")
    return value
