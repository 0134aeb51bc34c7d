"""What an API server would say of planned objects: a rehearsal of each write, which stores nothing.

Schemas and webhooks are asked as they would be, so that a misspelt field or a refusal is seen before it
happens. A webhook that does more than answer cannot be asked so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from airunway.activities.deployment.finalizers import webhook_refusal
from airunway.api.model_deployment import ModelDeployment
from airunway.api.server_warnings import dropped_field, undeclared_fields
from airunway.clients.errors import AlreadyExists, ApiError, Forbidden, Invalid, NotFound
from airunway.clients.kubernetes import Cluster
from airunway.provider import Provider, UpstreamKind

_MISSING_RIGHT = "cannot "
_NOT_REHEARSED = "does not support dry run"


class ServerOpinion(BaseModel):
    """`errors`: it would be refused. `warnings`: it would be taken, but for what these say."""

    errors: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)


async def rehearse(
    cluster: Cluster, provider: Provider, deployment: ModelDeployment, objects: list[dict[str, Any]]
) -> ServerOpinion:
    """Rehearse the writes of a deployment's objects. Raises ApiError when the server cannot be asked."""
    opinion = ServerOpinion()
    for obj in objects:
        kind = provider.kind_of(obj)
        if kind is not None:
            await _rehearse_one(cluster, provider, deployment, kind, obj, opinion)
    return opinion


async def _rehearse_one(
    cluster: Cluster,
    provider: Provider,
    deployment: ModelDeployment,
    kind: UpstreamKind,
    obj: Mapping[str, Any],
    opinion: ServerOpinion,
) -> None:
    words = f"{kind.kind} {obj['metadata']['name']}"
    told: list[str] = []
    try:
        await _write(cluster, provider, kind, obj, told)
    except NotFound as err:
        opinion.warnings.append(f"{words}: the API server could not be asked: {err}")
    except (Forbidden, Invalid) as err:
        _judge(provider, deployment, words, err, opinion)
    except ApiError as err:
        refusal = webhook_refusal(err)
        if not refusal:
            raise
        opinion.errors.append(f"{words}: {refusal}")
    opinion.warnings += [f"{words}: {_in_words(text)}" for text in told]


async def _write(
    cluster: Cluster, provider: Provider, kind: UpstreamKind, obj: Mapping[str, Any], told: list[str]
) -> None:
    # The owner has no uid yet, or the one of an earlier deployment of that name.
    meta = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
    body = {**obj, "metadata": meta}
    manager = provider.field_manager
    try:
        await cluster.create(
            kind, body, namespace=meta.get("namespace"), field_manager=manager, dry_run=True, warnings=told
        )
    except AlreadyExists:
        await cluster.apply(kind, body, field_manager=manager, dry_run=True, warnings=told)


def _judge(
    provider: Provider,
    deployment: ModelDeployment,
    words: str,
    err: Forbidden | Invalid,
    opinion: ServerOpinion,
) -> None:
    said = f"{words}: {err}"
    if isinstance(err, Forbidden) and _MISSING_RIGHT in str(err):
        opinion.warnings.append(f"{words}: you may not ask the API server: {err}")
        return
    if _NOT_REHEARSED in str(err):
        opinion.warnings.append(f"{words}: what the API server would say is not known: {err}")
        return
    verdict = provider.judge_refusal(deployment, said)
    if verdict.waiting:
        opinion.warnings.append(f"{words}: it would wait for {verdict.waiting}")
    elif verdict.learned:
        opinion.warnings.append(f"{said}; it would be tried once more, with {verdict.learned}")
    elif undeclared_fields(str(err)):
        opinion.errors.append(f"{said}; correct it or take it out of spec.provider.overrides")
    else:
        opinion.errors.append(f"{said}; {verdict.advice}" if verdict.advice else said)


def _in_words(warning: str) -> str:
    path = dropped_field(warning)
    return f"{path} is unknown to the API server, which would drop it" if path else warning
