"""How the workflow of one deployment is, and what it says itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from airunway.console.workflow_detail import state_in_detail
from airunway.console.workflow_state import WorkflowState, trouble
from airunway.messages.deployment_workflow import STATE_QUERY

QUERY_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class WorkflowReport:
    """What is known of a deployment's workflow."""

    id: str
    link: str
    state: WorkflowState | None = None
    view: dict[str, Any] | None = None
    """Its own answer (`DeploymentView`); None when nobody answers."""
    trouble: str = ""
    """What is the matter with it, in a phrase."""

    def as_json(self) -> dict[str, Any]:
        """For `-o json`; what is not known is left out."""
        seen = self.state
        known = {
            "id": self.id,
            "link": self.link,
            "state": self.view,
            "trouble": self.trouble,
            "status": seen.status if seen else "",
            "runId": seen.run_id if seen else "",
            "buildId": seen.build_id if seen else "",
            "closedAt": f"{seen.closed_at:%Y-%m-%dT%H:%M:%SZ}" if seen and seen.closed_at else "",
            "closedBy": seen.closed_by if seen else "",
            "closedBecause": seen.closed_because if seen else "",
            "lastError": seen.last_error if seen else "",
        }
        return {key: value for key, value in known.items() if value}


async def workflow_report(
    client: Client, workflow_id: str, *, link: str, patience: float = QUERY_SECONDS
) -> WorkflowReport:
    """What is known of a workflow. `link`: its address in the UI; `patience`: seconds for each question."""
    try:
        async with asyncio.timeout(patience):
            state = await state_in_detail(client, workflow_id)
    except RPCError as err:
        return WorkflowReport(id=workflow_id, link=link, trouble=str(err))
    except TimeoutError:
        return WorkflowReport(id=workflow_id, link=link, trouble="Temporal does not answer")
    words = trouble(state, now=datetime.now(UTC))
    view = None
    if state is not None and state.is_open and not words:
        view, words = await _view(client, workflow_id, patience)
    return WorkflowReport(id=workflow_id, link=link, state=state, view=view, trouble=words)


async def _view(client: Client, workflow_id: str, patience: float) -> tuple[dict[str, Any] | None, str]:
    """The workflow's own view, or in one phrase why there is none."""
    try:
        async with asyncio.timeout(patience):
            view: dict[str, Any] = await client.get_workflow_handle(workflow_id).query(STATE_QUERY)
            return view, ""
    except RPCError as err:
        return None, f"does not answer ({err.message})"
    except TemporalError as err:
        return None, f"does not answer ({str(err).splitlines()[0]})"
    except TimeoutError:
        return None, "does not answer; is a worker running?"
