"""Workflows that cannot progress are reported: an Event on the deployment, a line in the log, a metric."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from temporalio.client import Client

from airunway.clients.events import deployment_reference, record_event
from airunway.clients.kubernetes import Cluster
from airunway.messages.refs import DeploymentRef
from airunway.workers.audit.fleet import Fleet
from airunway.workers.audit.fleet_audit import FleetAudit
from airunway.workers.audit.problems import NO_WORKER, is_same, what_to_do, words_of, workflow_problem
from airunway.workers.audit.visibility import MAX_DESCRIBED, OpenWorkflow, described_workflows

_log = structlog.get_logger(__name__)

STUCK_REASON = "WorkflowStuck"
COMPONENT = "airunway-watcher"


class StuckWorkflows:
    """Those of one cluster, and what was said of them."""

    def __init__(self, client: Client, cluster: Cluster, fleet: Fleet, audit: FleetAudit) -> None:
        self._client, self._cluster, self._fleet, self._audit = client, cluster, fleet, audit
        self.known: Mapping[DeploymentRef, str] = {}
        """Deployments whose workflow cannot progress, and why."""

    async def check(self, opened: Mapping[str, OpenWorkflow]) -> None:
        """Find and report. `opened`: by workflow id, as listed. Raises RPCError."""
        found: dict[DeploymentRef, str] = {}
        for ref in self._fleet.deployments:
            entry = opened.get(ref.workflow_id)
            if entry is not None and entry.problems:
                found[ref] = words_of(entry.problems)
        # Who was signalled and does not do what it was signalled for may be stuck without a report.
        suspects = dict.fromkeys([*self.known, *self._audit.unanswered])
        others = [ref for ref in suspects if ref not in found and ref in self._fleet.deployments]
        now = datetime.now(UTC)
        described = await described_workflows(self._client, others[:MAX_DESCRIBED])
        for ref, description in described.items():
            if description is not None and (problem := workflow_problem(description, now=now)):
                found[ref] = problem
        await self._report(found)

    async def _report(self, found: Mapping[DeploymentRef, str]) -> None:
        """Once for each problem, and once when it is over."""
        before, self.known = self.known, found
        for ref in before.keys() - found.keys():
            _log.info("a workflow can progress again", deployment=str(ref))
        new = {ref: problem for ref, problem in found.items() if not is_same(problem, before.get(ref, ""))}
        waiting = [ref for ref, problem in new.items() if problem == NO_WORKER]
        if waiting and NO_WORKER not in before.values():
            # Of all deployments alike, so no Event of each.
            _log.warning("no worker takes workflow tasks", deployments=len(waiting), first=str(waiting[0]))
        for ref in sorted(new.keys() - set(waiting), key=str):
            _log.warning("a workflow cannot progress", deployment=str(ref), problem=new[ref])
            await self._record(ref, new[ref])

    async def _record(self, ref: DeploymentRef, problem: str) -> None:
        known = self._fleet.deployments.get(ref)
        if known is None:
            return
        await record_event(
            self._cluster,
            deployment_reference(namespace=ref.namespace, name=ref.name, uid=known.mark.uid),
            reason=STUCK_REASON,
            message=what_to_do(problem, ref.workflow_id),
            warning=True,
            component=COMPONENT,
        )
