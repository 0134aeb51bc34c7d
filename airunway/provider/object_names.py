"""How long a deployment's name may be, and which letters it has: others derive their own from it. Pure.

Apart from rendering because most of these names nobody here writes: operators and Kubernetes do, and refuse
in silence what is too long. Each provider lists what is derived, for the mode it is asked for; the shortest
room counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from airunway.api.model_deployment import ModelDeployment

MAX_LABEL_LENGTH = 63
"""Of a Service's name, a Job's, and of any value of a label."""
MAX_STATEFUL_SET_LENGTH = 52
"""The pods of a StatefulSet bear its name and a revision of up to 11 characters as one label."""

_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PORT_VARIABLES = (
    *("VLLM_PORT", "VLLM_DP_MASTER_PORT", "VLLM_NIXL_SIDE_CHANNEL_PORT", "VLLM_MOONCAKE_BOOTSTRAP_PORT"),
    *("RAY_PORT", "RAY_SERVE_PORT", "RAY_SERVE_DEFAULT_HTTP_PORT", "RAY_DASHBOARD_PORT"),
    *("MASTER_PORT", "SGLANG_PORT", "TRTLLM_PORT", "LLAMA_ARG_PORT", "LOCALAI_PORT"),
)
"""Variables in which engines look for a port. The Service `vllm` sets `VLLM_PORT=tcp://10.0.0.1:80`."""


@dataclass(frozen=True, kw_only=True)
class DerivedName:
    """A name that the deployment's is a part of. `room`: characters that are left for it.

    `what` says it in a message, e.g. `its Service "<name>-decode"`.
    """

    what: str
    room: int


def service(suffix: str = "") -> DerivedName:
    """A Service, called like the deployment but for a suffix."""
    return DerivedName(what=f'its Service "<name>{suffix}"', room=MAX_LABEL_LENGTH - len(suffix))


def job(suffix: str) -> DerivedName:
    """A Job, whose name its pods bear as a label."""
    return DerivedName(what=f'its Job "<name>{suffix}"', room=MAX_LABEL_LENGTH - len(suffix))


def name_problem(deployment: ModelDeployment, derived: Iterable[DerivedName]) -> str | None:
    """Why nothing can be derived from the deployment's name, or None. It says the number that fits.

    Services are called like it, so it is a DNS-1035 label: a letter first, and no dots.
    """
    name = deployment.name
    tightest = min(derived, key=lambda entry: entry.room)
    if len(name) > tightest.room:
        return (
            f"metadata.name: {name!r} has {len(name)} characters, too long for {tightest.what}; "
            f"at most {max(tightest.room, 0)} characters"
        )
    if not _SERVICE_NAME.fullmatch(name):
        return (
            f"metadata.name: {name!r} cannot name a Service; "
            "use lower-case letters, digits and '-', with a letter first"
        )
    return None


def service_link_problem(deployment: ModelDeployment) -> str | None:
    """Why a Service of this name ends the engines beside it, or None.

    For pods whose service links cannot be switched off: Kubernetes gives them variables of every Service in
    their namespace, and engines read some of those as their own settings.
    """
    variable = f"{deployment.name.upper().replace('-', '_')}_PORT"
    if variable not in _PORT_VARIABLES:
        return None
    return (
        f"metadata.name: {deployment.name!r} makes a Service whose variable {variable} the engine takes for "
        "its own port, and ends; use another name"
    )
