"""What every rendered pod gives up: the account's token, service links, and rights of its processes. Pure.

Apart from `rendering` because it comes last: it is laid over the pod after the overrides, so that no path
into a pod leads past it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airunway.provider.contract import RenderError

DEFAULT_USER = 1000
"""Who runs a `restricted` pod when the settings name nobody: the first user of an image, as a rule."""
_MAX_USER = 2**31 - 1
_CONTAINERS = ("initContainers", "containers")


class PodSecurityLevel(StrEnum):
    """The Pod Security Standard under which a pod is admitted."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class PodSecurity:
    """How pods of a provider run.

    `user`: uid of `restricted` pods; 0: as the image says, whose user must then be a number. `group`: of the
    pod's volumes; 0: the user's. `home`: the image knows nothing of the user, so it is given a home.
    """

    level: PodSecurityLevel = PodSecurityLevel.BASELINE
    user: int = DEFAULT_USER
    group: int = 0
    home: bool = False

    @property
    def is_restricted(self) -> bool:
        """Whether its pods pass the standard `restricted`."""
        return self.level is PodSecurityLevel.RESTRICTED


def level_variable(provider: str) -> str:
    """The variable in the worker's environment that names the level of a provider's pods."""
    return f"AIRUNWAY_{provider.upper()}_POD_SECURITY"


def user_variable(provider: str) -> str:
    """The variable that names the user of its `restricted` pods."""
    return f"AIRUNWAY_{provider.upper()}_RUN_AS_USER"


def pod_security(
    env: Mapping[str, str],
    provider: str,
    *,
    default: PodSecurityLevel = PodSecurityLevel.BASELINE,
    group: int = 0,
    home: bool = False,
) -> PodSecurity:
    """What the worker's environment says of a provider's pods. Raises RenderError for what it cannot mean.

    `default`: what the image that is used is known to run under.
    """
    variable = level_variable(provider)
    given = env.get(variable, "").strip().lower()
    if given and given not in list(PodSecurityLevel):
        raise RenderError(f"{variable}: must be restricted or baseline, not {given!r}")
    user = env.get(user_variable(provider), "").strip()
    if user and not (user.isdecimal() and int(user) <= _MAX_USER):
        raise RenderError(f"{user_variable(provider)}: must be the number of a user, not {user!r}")
    return PodSecurity(
        level=PodSecurityLevel(given) if given else default,
        user=int(user) if user else DEFAULT_USER,
        group=group,
        home=home,
    )


def isolated(pod: Mapping[str, Any], security: PodSecurity, *, token: bool = False) -> dict[str, Any]:
    """A pod's spec with what it gives up. `token`: its operator gives it an account that it needs.

    A part of another shape than a pod's is left as it is: the API server refuses it.
    """
    containers = {
        key: [_isolated_container(entry, security, env=key == "containers") for entry in pod[key]]
        for key in _CONTAINERS
        if isinstance(pod.get(key), list)
    }
    return {
        **pod,
        **containers,
        **({} if token else {"automountServiceAccountToken": False}),
        "enableServiceLinks": False,
        "securityContext": {**_mapping(pod.get("securityContext")), **_of_pod(security)},
    }


def isolated_container(container: Mapping[str, Any], security: PodSecurity) -> dict[str, Any]:
    """The same for a container that stands apart from its pod."""
    return {
        **container,
        "securityContext": {**_mapping(container.get("securityContext")), **_of_container(security)},
    }


def _isolated_container(entry: Any, security: PodSecurity, *, env: bool) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    container = isolated_container(entry, security)
    if env and security.is_restricted and security.home and security.user:
        container["env"] = _with_home(container.get("env"))
    return container


def _with_home(env: Any) -> Any:
    """A home that can be written, and a name: libraries ask for both, and the image may know neither."""
    given = env if env is not None else []
    if not isinstance(given, list):
        return env
    taken = {entry.get("name") for entry in given if isinstance(entry, Mapping)}
    ours = {"HOME": "/tmp", "USER": "airunway"}
    return [*({"name": key, "value": value} for key, value in ours.items() if key not in taken), *given]


def _of_pod(security: PodSecurity) -> dict[str, Any]:
    common = {"seccompProfile": {"type": "RuntimeDefault"}}
    if not security.is_restricted:
        return common
    user = {"runAsUser": security.user} if security.user else {}
    group = security.group or security.user
    volumes = {"fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch"} if group else {}
    return {"runAsNonRoot": True, **user, **volumes, **common}


def _of_container(security: PodSecurity) -> dict[str, Any]:
    dropped = "ALL" if security.is_restricted else "NET_RAW"
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": [dropped]}}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
