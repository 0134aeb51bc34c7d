"""The stages of a provider: what must be ready before the main objects are written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.activities.upstream.diagnostics import findings_for
from airunway.activities.upstream.failures import StepFailed
from airunway.api.core_types import Condition
from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.kubernetes import Cluster
from airunway.messages.deployment import StepFailure
from airunway.provider import Provider, Stage, StageVerdict, UpstreamKind


@dataclass(frozen=True)
class StageResult:
    """`waiting`: what is waited for; empty when every stage is ready."""

    conditions: list[Condition]
    cleared: list[str]
    waiting: str = ""
    retry_seconds: int = 0


async def run_stages(
    cluster: Cluster, provider: Provider, stages: Sequence[Stage], *, namespace: str
) -> StageResult:
    """Judge the stages in order, up to the first that is not ready. Raises StepFailed, ApiError."""
    here = {stage.condition for stage in stages}
    cleared = [kind for kind in provider.stage_conditions if kind not in here]
    conditions: list[Condition] = []
    for stage in stages:
        live = await asyncio.gather(
            *(cluster.find(kind, name, namespace=namespace) for kind, name in stage.reads)
        )
        verdict = stage.judge(live)
        await _carry_out(cluster, provider, stage, verdict, namespace)
        update = verdict.condition
        if verdict.pod_selector:
            found = await findings_for(cluster, namespace, verdict.pod_selector)
            causes = [f"{finding.reason}: {finding.message}" for finding in found[:1]]
            update = update.model_copy(update={"message": "; ".join([update.message, *causes])})
        conditions.append(update)
        if verdict.failure:
            raise StepFailed(
                StepFailure(
                    reason=update.reason,
                    message=verdict.failure,
                    final=verdict.retry_seconds == 0,
                    retry_seconds=verdict.retry_seconds,
                    conditions=conditions,
                )
            )
        if not verdict.ready:
            return StageResult(conditions, cleared, update.message or update.reason, verdict.retry_seconds)
    return StageResult(conditions, cleared)


async def _carry_out(
    cluster: Cluster, provider: Provider, stage: Stage, verdict: StageVerdict, namespace: str
) -> None:
    kinds = {(kind.api_version, kind.kind): kind for kind, _ in stage.reads}
    kinds |= {(kind.api_version, kind.kind): kind for kind in provider.kinds}
    for manifest in verdict.create:
        with contextlib.suppress(AlreadyExists):
            await cluster.create(_kind_of(kinds, manifest), dict(manifest), namespace=namespace)
    for obj in verdict.delete:
        meta = obj["metadata"]
        with contextlib.suppress(NotFound):
            await cluster.delete(_kind_of(kinds, obj), meta["name"], namespace=namespace, uid=meta.get("uid"))


def _kind_of(kinds: Mapping[tuple[str, str], UpstreamKind], obj: Mapping[str, Any]) -> UpstreamKind:
    return kinds[obj["apiVersion"], obj["kind"]]
