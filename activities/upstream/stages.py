"""The stages of a provider: what must be ready before the main objects are written. Reads only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airunway.activities.upstream.diagnostics import findings_for
from airunway.activities.upstream.ownership import digest_of
from airunway.activities.upstream.write_plan import ObjectDelete, create_in_words, delete_in_words
from airunway.api.core_types import Condition
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.deployment import StepFailure
from airunway.messages.upstream import PlannedWrite
from airunway.provider import Provider, Stage, StageVerdict, UpstreamKind
from airunway.provider.guard import refuse_unannounced


@dataclass(frozen=True, kw_only=True)
class ObjectCreate:
    """An object that a stage wants. Somebody else may create it first, and it is never changed later."""

    kind: UpstreamKind
    manifest: Object


@dataclass(kw_only=True)
class StageResult:
    """What the stages mean, up to the first that is not ready.

    `waiting`: what is waited for; empty when every stage is ready. `writes`: what they want, in order, also
    beside a failure.
    """

    conditions: list[Condition] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    waiting: str = ""
    retry_seconds: int = 0
    failure: StepFailure | None = None
    writes: list[ObjectCreate | ObjectDelete] = field(default_factory=list)

    def in_words(self) -> list[PlannedWrite]:
        """What is to be written, without the objects."""
        return [
            create_in_words(entry.kind, entry.manifest, digest=digest_of(entry.manifest))
            if isinstance(entry, ObjectCreate)
            else delete_in_words(entry)
            for entry in self.writes
        ]


async def judge_stages(
    cluster: Cluster, provider: Provider, stages: Sequence[Stage], *, namespace: str
) -> StageResult:
    """Judge the stages in order, up to the first that is not ready. Raises ApiError, and RenderError."""
    here = {stage.condition for stage in stages}
    result = StageResult(cleared=[kind for kind in provider.stage_conditions if kind not in here])
    for stage in stages:
        live = await asyncio.gather(
            *(cluster.find(kind, name, namespace=namespace) for kind, name in stage.reads)
        )
        verdict = stage.judge(live)
        refuse_unannounced(stage, verdict.create)
        result.writes += _wanted(provider, stage, verdict)
        update = await _explained(cluster, verdict, namespace)
        result.conditions.append(update)
        if verdict.failure:
            result.failure = StepFailure(
                reason=update.reason,
                message=verdict.failure,
                final=verdict.retry_seconds == 0,
                elsewhere=True,
                retry_seconds=verdict.retry_seconds,
                conditions=result.conditions,
            )
            return result
        if not verdict.ready:
            result.waiting = update.message or update.reason
            result.retry_seconds = verdict.retry_seconds
            return result
    return result


async def _explained(cluster: Cluster, verdict: StageVerdict, namespace: str) -> Condition:
    """The verdict's condition, with what pods say about the wait."""
    if not verdict.pod_selector:
        return verdict.condition
    found = await findings_for(cluster, namespace, verdict.pod_selector)
    causes = [f"{finding.reason}: {finding.message}" for finding in found[:1]]
    message = "; ".join([verdict.condition.message, *causes])
    return verdict.condition.model_copy(update={"message": message})


def _wanted(provider: Provider, stage: Stage, verdict: StageVerdict) -> list[ObjectCreate | ObjectDelete]:
    kinds = {(kind.api_version, kind.kind): kind for kind, _ in stage.reads}
    kinds |= {(entry.api_version, entry.kind): entry for kind in provider.kinds for entry in kind.versions}

    def kind_of(obj: Mapping[str, Any]) -> UpstreamKind:
        return kinds[obj["apiVersion"], obj["kind"]]

    reason = verdict.condition.message or verdict.condition.reason
    return [
        *(ObjectCreate(kind=kind_of(obj), manifest=dict(obj)) for obj in verdict.create),
        *(ObjectDelete(kind=kind_of(obj), live=dict(obj), why=reason) for obj in verdict.delete),
    ]
