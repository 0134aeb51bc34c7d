"""What people say of a deployment's pods by annotation, for every provider alike. Pure.

The contract's ModelDeployment has no fields for it, and overrides differ from provider to provider:

    airunway.ai/image-pull-secrets: regcred,other    Secrets of its namespace that all images are pulled with
    airunway.ai/rollout: NoSurge | Surge | Recreate  how a new version takes the place of the one before
    airunway.ai/external-replicas: "true"            how many pods there are is for somebody else to say
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD
from airunway.api.pull_secrets import pull_secret_names
from airunway.provider import rendering
from airunway.provider.manifest import RenderError

MAX_PULL_SECRETS = 16
_MAX_SHOWN = 253
"""Characters of what somebody gave."""

_NO_SURGE = {"maxSurge": 0, "maxUnavailable": 1}
_SECRET_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class RolloutPolicy(StrEnum):
    """How pods of a new version take the place of those before."""

    NO_SURGE = "NoSurge"
    """One after the other, the earlier pod first: with no more devices than are asked for. The default."""
    SURGE = "Surge"
    """The new pod first: nothing is missing meanwhile, and the devices of one more are needed."""
    RECREATE = "Recreate"
    """All earlier pods first, for versions that must not run beside each other."""


def path_of(annotation: str) -> str:
    """An annotation of the deployment, for messages."""
    return f"metadata.annotations[{annotation}]"


def option_problem(deployment: ModelDeployment) -> str | None:
    """Why an annotation says nothing that can be done, or None."""
    given = deployment.metadata.annotations
    rollout = given.get(names.ANNOTATION_ROLLOUT, "").strip()
    if rollout and rollout not in list(RolloutPolicy):
        return f"{path_of(names.ANNOTATION_ROLLOUT)}: {rollout!r} is unknown; use {', '.join(RolloutPolicy)}"
    external = given.get(names.ANNOTATION_EXTERNAL_REPLICAS, "")
    if external.lower() not in ("", "true", "false"):
        path = path_of(names.ANNOTATION_EXTERNAL_REPLICAS)
        return f"{path}: {external[:_MAX_SHOWN]!r} is unknown; use true or false"
    secrets = pull_secret_names(deployment.metadata.annotations)
    wrong = next((name for name in secrets if not _SECRET_NAME.fullmatch(name)), None)
    if wrong is not None:
        return (
            f"{path_of(names.ANNOTATION_PULL_SECRETS)}: {wrong[:_MAX_SHOWN]!r} cannot name a Secret; "
            "write their names with commas between them"
        )
    if len(secrets) > MAX_PULL_SECRETS:
        return f"{path_of(names.ANNOTATION_PULL_SECRETS)}: at most {MAX_PULL_SECRETS} Secrets"
    return None


def pull_secrets(deployment: ModelDeployment, *others: str) -> list[dict[str, str]]:
    """`imagePullSecrets` of every pod made for the deployment, each once. `others`: ours, empty for none."""
    wanted = [*pull_secret_names(deployment.metadata.annotations), *filter(None, others)]
    return [{"name": name} for name in dict.fromkeys(wanted)]


def every_pod(deployment: ModelDeployment, *pull_secret: str) -> dict[str, Any]:
    """What every pod made for the deployment has: where it may run, and what its images are pulled with.

    Whatever it is for: serving, routing, downloading. `pull_secret`: one of ours beside the user's.
    """
    return {
        **rendering.scheduling(deployment),
        **rendering.without_empty(imagePullSecrets=pull_secrets(deployment, *pull_secret)),
    }


def rollout_of(deployment: ModelDeployment) -> RolloutPolicy:
    """The policy that is asked for, else the default. Raises RenderError for an unknown word."""
    text = deployment.metadata.annotations.get(names.ANNOTATION_ROLLOUT, "").strip()
    try:
        return RolloutPolicy(text) if text else RolloutPolicy.NO_SURGE
    except ValueError:
        raise RenderError(option_problem(deployment) or f"{names.ANNOTATION_ROLLOUT}: unknown") from None


def unmet_rollout(deployment: ModelDeployment, possible: Iterable[RolloutPolicy]) -> list[str]:
    """The annotation's path where a provider cannot do what it asks for; for `ignored_fields`."""
    text = deployment.metadata.annotations.get(names.ANNOTATION_ROLLOUT, "").strip()
    return [path_of(names.ANNOTATION_ROLLOUT)] if text and text not in list(possible) else []


# -- of a Deployment ------------------------------------------------------------------------------------


def deployment_strategy(rollout: RolloutPolicy, *, replicas: int) -> dict[str, Any]:
    """`spec.strategy` of a Deployment.

    `rollingUpdate: null` says that what the API server once filled in has to go: it refuses that beside
    `Recreate`.
    """
    if rollout is RolloutPolicy.SURGE:
        return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    if rollout is RolloutPolicy.RECREATE or replicas <= 1:
        return {"type": "Recreate", "rollingUpdate": None}
    return {"type": "RollingUpdate", "rollingUpdate": dict(_NO_SURGE)}


def settled_strategy(merged: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The strategy after overrides, its parts fitting each other. `given`: `spec.strategy` of the overrides.

    Raises RenderError for what the API server refuses.
    """
    at = f"{FIELD}.spec.strategy"
    asked = given.get("rollingUpdate")
    if not isinstance(merged, Mapping) or not isinstance(asked, Mapping | None):
        raise RenderError(f"{at}: must stay an object, and its rollingUpdate too")
    kind = given.get("type") or ("RollingUpdate" if asked else merged.get("type"))
    if kind == "Recreate":
        if asked:
            raise RenderError(f"{at}.rollingUpdate: says nothing beside type Recreate; leave one of them out")
        return {**merged, "type": kind, "rollingUpdate": None}
    # Null is an absent number, of which the API server would make a quarter of the replicas.
    numbers = {key: value for key, value in (merged.get("rollingUpdate") or {}).items() if value is not None}
    rolling = {**_NO_SURGE, **numbers}
    if all(str(rolling[key]) in ("0", "0%") for key in _NO_SURGE):
        raise RenderError(
            f"{at}.rollingUpdate: maxSurge and maxUnavailable cannot both be 0, no pod could be replaced"
        )
    return {**merged, "type": kind, "rollingUpdate": rolling}
