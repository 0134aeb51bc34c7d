"""Before a roll-out: replay histories of live workflows with this build, and stop at the first difference."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from airunway.api.names import DEPLOYMENT_WORKFLOW, MODEL_IMAGE_WORKFLOW
from airunway.messages.model_image_workflow import MODEL_IMAGE_BUILD_WORKFLOW
from airunway.workers.replay_check import ReplayCheck
from airunway.workers.sampling import Sample

KINDS = (
    (DEPLOYMENT_WORKFLOW, "modeldeployment"),
    (MODEL_IMAGE_WORKFLOW, "image"),
    (MODEL_IMAGE_BUILD_WORKFLOW, "image"),
    ("ProviderInstallationWorkflow", "provider"),
)
"""Workflows that live on while a build is rolled out, and how their ids begin."""


@dataclass
class KindResult:
    """What came of the runs of one workflow type."""

    workflow_type: str
    replayed: int = 0
    events: int = 0
    ended: int = 0
    """Runs that ended before their history was fetched."""


@dataclass(frozen=True)
class Difference:
    """The first history that this build does not replay."""

    workflow_type: str
    workflow_id: str
    run_id: str
    words: str


@dataclass
class Verification:
    """What came of it all; it ends at the first difference."""

    kinds: list[KindResult] = field(default_factory=list)
    difference: Difference | None = None


async def verify(
    client: Client,
    *,
    cluster_name: str,
    count: int,
    sample: Sample,
    progress: Callable[[WorkflowExecution], None] = lambda run: None,
    check: ReplayCheck | None = None,
) -> Verification:
    """Replay up to `count` open runs of each type (all of them: `Sample.ALL`). Raises RPCError.

    `check` None: by the workflows of this build.
    """
    check, done = check or ReplayCheck(client.data_converter), Verification()
    for workflow_type, prefix in KINDS:
        result = KindResult(workflow_type)
        done.kinds.append(result)
        open_runs = _open_runs(client, workflow_type, f"{prefix}/{cluster_name}/")
        for run in await _chosen(open_runs, count=count, sample=sample):
            progress(run)
            words = await _replay(client, check, run, result)
            if words is not None:
                done.difference = Difference(workflow_type, run.id, run.run_id, words)
                return done
    return done


async def _replay(
    client: Client, check: ReplayCheck, run: WorkflowExecution, result: KindResult
) -> str | None:
    try:
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
    except RPCError as err:
        if err.status is not RPCStatusCode.NOT_FOUND:
            raise
        result.ended += 1
        return None
    result.replayed += 1
    result.events += len(history.events)
    return await check.difference(history)


def _open_runs(client: Client, workflow_type: str, prefix: str) -> AsyncIterator[WorkflowExecution]:
    # Ids of one cluster only: others may be on another build, and are verified by theirs.
    is_open = f"WorkflowType = '{workflow_type}' AND ExecutionStatus = 'Running'"
    return client.list_workflows(f"{is_open} AND WorkflowId STARTS_WITH '{prefix}'")


async def _chosen(
    runs: AsyncIterator[WorkflowExecution], *, count: int, sample: Sample
) -> list[WorkflowExecution]:
    if sample is Sample.ALL:
        return [run async for run in runs]
    if sample is Sample.NEWEST:  # as Temporal lists them
        chosen: list[WorkflowExecution] = []
        async for run in runs:
            if len(chosen) == count:
                break
            chosen.append(run)
        return chosen
    # Temporal cannot list the oldest first; of many thousand, only as many are kept as are wanted.
    oldest: list[tuple[float, str, WorkflowExecution]] = []
    async for run in runs:
        heapq.heappush(oldest, (-run.start_time.timestamp(), run.run_id, run))
        if len(oldest) > count:
            heapq.heappop(oldest)
    return [run for _, _, run in sorted(oldest, key=lambda entry: (-entry[0], entry[1]))]
