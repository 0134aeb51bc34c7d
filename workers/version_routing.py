"""Which build gets the runs of a worker deployment: read and set, and who polls as what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentInfo
from temporalio.api.enums.v1 import (
    RoutingConfigUpdateState,
    TaskQueueType,
    WorkerDeploymentVersionStatus,
    WorkerVersioningMode,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

UNVERSIONED = ""
"""As a build: workers without versions."""

PROPAGATION_PATIENCE = timedelta(minutes=1)
"""After it, a change of the routing counts as known everywhere, whatever Temporal says.

Temporal tells its task queues within a second or two, but may lose count of it: the answer of a queue that
was quicker than the bookkeeping is dropped, and the change is said to be in progress for ever
(temporalio/temporal issue 11842; seen about once in thirty changes with server 1.32).
"""

Polls = Mapping[str, datetime]
"""Build to when one of its workers last asked for workflow tasks."""


@dataclass(frozen=True)
class WorkerBuild:
    """One build of a worker deployment, as Temporal knows it."""

    build_id: str
    status: str
    """`inactive` (never used), `current`, `ramping`, `draining` (open runs are pinned to it) or `drained`."""
    created: datetime | None
    was_active: bool
    """It is or was current or ramping."""


@dataclass(frozen=True)
class Routing:
    """Where runs begin. `current` may be UNVERSIONED; `ramping` is None where nothing ramps."""

    current: str
    ramping: str | None
    percentage: float
    builds: Sequence[WorkerBuild]
    token: bytes
    """Of what was read: a change that is made with it fails when somebody else was faster."""
    is_propagating: bool = False
    """Parts of Temporal are said not to go by it yet."""
    changed: datetime | None = None
    """When it was last changed; None: never."""

    def build(self, build_id: str) -> WorkerBuild | None:
        """A build by its id."""
        return next((build for build in self.builds if build.build_id == build_id), None)

    def is_settled(self, now: datetime) -> bool:
        """Whether every part of Temporal goes by it: a run that is woken before may not be told of it."""
        changed_lately = self.changed is not None and now - self.changed < PROPAGATION_PATIENCE
        return not (self.is_propagating and changed_lately)


async def read_routing(client: Client, deployment: str) -> Routing | None:
    """How runs are routed; None: no versioned worker has polled yet. Raises RPCError."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    try:
        answer = await client.workflow_service.describe_worker_deployment(request)
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return _routing(answer.worker_deployment_info, answer.conflict_token)


def _routing(info: WorkerDeploymentInfo, token: bytes) -> Routing:
    config = info.routing_config
    ramps = config.ramping_version_percentage > 0
    return Routing(
        current=config.current_deployment_version.build_id,
        ramping=config.ramping_deployment_version.build_id if ramps else None,
        percentage=config.ramping_version_percentage,
        builds=[
            WorkerBuild(
                build_id=summary.deployment_version.build_id,
                status=_status_name(summary.status),
                created=time_of(summary.create_time) if summary.HasField("create_time") else None,
                was_active=summary.HasField("first_activation_time"),
            )
            for summary in info.version_summaries
        ],
        token=token,
        is_propagating=info.routing_config_update_state
        == RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS,
        changed=_last_change(config),
    )


def _last_change(config: RoutingConfig) -> datetime | None:
    stamps = (
        config.current_version_changed_time,
        config.ramping_version_changed_time,
        config.ramping_version_percentage_changed_time,
    )
    return max((time_of(stamp) for stamp in stamps if stamp.ByteSize()), default=None)


async def set_current(client: Client, deployment: str, build_id: str, *, token: bytes = b"") -> None:
    """Have new runs begin on a build; what ramped to it has ended with that. Raises RPCError."""
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace,
            deployment_name=deployment,
            build_id=build_id,
            conflict_token=token,
            identity=client.identity,
            # Builds have their own queue, whose worker may be switched off in the newer one.
            ignore_missing_task_queues=True,
        )
    )


async def set_ramping(client: Client, deployment: str, build_id: str, *, percentage: float) -> None:
    """Have a part of the runs begin on a build; 0 ends it. Raises RPCError."""
    await client.workflow_service.set_worker_deployment_ramping_version(
        SetWorkerDeploymentRampingVersionRequest(
            namespace=client.namespace,
            deployment_name=deployment,
            build_id=build_id if percentage else "",
            percentage=percentage,
            identity=client.identity,
            ignore_missing_task_queues=True,
        )
    )


async def last_polls(client: Client, deployment: str, task_queue: str) -> Polls:
    """When each build last asked for workflow tasks, of those that did so in the last five minutes.

    A worker without work asks once a minute, and one that has stopped is listed on. Raises RPCError.
    """
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    latest: dict[str, datetime] = {}
    for poller in answer.pollers:
        options = poller.deployment_options
        versioned = options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
        is_ours = versioned and options.deployment_name == deployment
        build_id, asked = options.build_id if is_ours else UNVERSIONED, time_of(poller.last_access_time)
        latest[build_id] = max(asked, latest.get(build_id, asked))
    return latest


def time_of(stamp: Timestamp) -> datetime:
    """A time of Temporal's API, in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def _status_name(status: WorkerDeploymentVersionStatus.ValueType) -> str:
    return (
        WorkerDeploymentVersionStatus.Name(status).removeprefix("WORKER_DEPLOYMENT_VERSION_STATUS_").lower()
    )
