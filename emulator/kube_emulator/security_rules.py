"""Checks security contexts, of a pod and of its containers; apart from `pod_rules` as both have most of it.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, ValidatePodSecurityContext and
ValidateSecurityContext.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import causes
from .errors import Cause

Obj = Mapping[str, Any]
_LARGEST_ID = 2**31 - 1
_ID_RANGE = f"must be between 0 and {_LARGEST_ID}, inclusive"
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_CHOICES = {
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
    "procMount": ("Default", "Unmasked"),
}


def pod(context: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a pod's."""
    yield from _common(context, path)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        yield from _identity(group, f"{path}.supplementalGroups[{index}]")


def container(context: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a container's."""
    yield from _common(context, path)
    if context.get("allowPrivilegeEscalation") is not False:
        return
    words = "cannot set `allowPrivilegeEscalation` to false and"
    if context.get("privileged"):
        yield causes.invalid(path, context, f"{words} `privileged` to true")
    added = (context.get("capabilities") or {}).get("add") or ()
    if "CAP_SYS_ADMIN" in added:
        yield causes.invalid(path, context, f"{words} `capabilities.Add` CAP_SYS_ADMIN")


def _common(context: Obj, path: str) -> Iterator[Cause]:
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        if context.get(name) is not None:
            yield from _identity(context[name], f"{path}.{name}")
    for name in ("seccompProfile", "appArmorProfile"):
        if context.get(name) is not None:
            yield from _profile(context[name], f"{path}.{name}", name)
    for name, allowed in _CHOICES.items():
        if context.get(name) is not None and context[name] not in allowed:
            yield causes.not_supported(f"{path}.{name}", context[name], allowed)


def _identity(number: int, path: str) -> Iterator[Cause]:
    if not 0 <= number <= _LARGEST_ID:
        yield causes.invalid(path, number, _ID_RANGE)


def _profile(profile: Obj, path: str, name: str) -> Iterator[Cause]:
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    what = "seccomp" if name == "seccompProfile" else "AppArmor"
    if not kind:
        yield causes.required(f"{path}.type", f"type is required when {name} is set")
    elif kind not in _PROFILES:
        yield causes.not_supported(f"{path}.type", kind, _PROFILES)
    if kind == "Localhost":
        if not local:
            yield causes.required(f"{path}.localhostProfile", f"must be set when {what} type is Localhost")
    elif local is not None:
        # For seccomp an API server shows its own form of the whole profile.
        shown = {"Type": kind, "LocalhostProfile": local} if what == "seccomp" else local
        words = f"can only be set when {what} type is Localhost"
        yield causes.invalid(f"{path}.localhostProfile", shown, words)
