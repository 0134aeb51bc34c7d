"""`airunway status NAME`: one deployment in full, and how its workflow is."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from airunway.api.gateway_reasons import GATEWAY_READY
from airunway.api.names import DEPLOYMENT_KIND, is_paused
from airunway.cli import output
from airunway.cli.output import OutputFormat
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.console.links import workflow_link
from airunway.console.rows import age, deployment_row
from airunway.console.workflow_states import WorkflowState, state_in_detail, trouble
from airunway.gateway.naming import MODEL_HEADER
from airunway.messages.refs import DeploymentRef
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of

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


async def report_one(
    cluster: Cluster, settings: Settings, namespace: str, name: str, form: OutputFormat
) -> None:
    """Print it. Raises CliError when there is no such deployment."""
    obj = await cluster.find(DEPLOYMENTS, name, namespace=namespace)
    if obj is None:
        raise CliError(
            f"no {DEPLOYMENT_KIND} {namespace}/{name}; what became of one that was deleted: "
            f"airunway history {name} -n {namespace}"
        )
    ref = DeploymentRef(cluster=settings.cluster, namespace=namespace, name=name)
    workflow = await _workflow(settings, ref)
    if form is not OutputFormat.TABLE:
        output.data({"deployment": obj, "cluster": ref.cluster, "workflow": workflow.as_json()}, form)
        return
    _print_facts(obj, ref, workflow)
    _print_conditions(obj)


async def _workflow(settings: Settings, ref: DeploymentRef) -> WorkflowReport:
    link = workflow_link(target_of(settings), ref.workflow_id)
    try:
        client: Client = await temporal_client(settings)
        async with asyncio.timeout(QUERY_SECONDS):
            state = await state_in_detail(client, ref.workflow_id)
    except (CliError, RPCError) as err:
        return WorkflowReport(id=ref.workflow_id, link=link, trouble=str(err))
    except TimeoutError:
        return WorkflowReport(id=ref.workflow_id, link=link, trouble="Temporal does not answer")
    words = trouble(state, now=datetime.now(UTC))
    view = None
    if state is not None and state.is_open and not words:
        view, words = await _view(client, ref.workflow_id)
    return WorkflowReport(id=ref.workflow_id, link=link, state=state, view=view, trouble=words)


async def _view(client: Client, workflow_id: str) -> tuple[dict[str, Any] | None, str]:
    """The workflow's own view, or in one phrase why there is none."""
    try:
        async with asyncio.timeout(QUERY_SECONDS):
            view: dict[str, Any] = await client.get_workflow_handle(workflow_id).query("state")
            return view, ""
    except RPCError as err:
        return None, f"does not answer ({err.message})"
    except TemporalError as err:
        return None, f"does not answer ({str(err).splitlines()[0]})"
    except TimeoutError:
        return None, "does not answer; is a worker running?"


def _print_facts(obj: Object, ref: DeploymentRef, workflow: WorkflowReport) -> None:
    row, status = deployment_row(obj), obj.get("status") or {}
    endpoint, view, gateway = status.get("endpoint") or {}, workflow.view or {}, status.get("gateway") or {}
    rows = [
        ("Deployment", str(ref)),
        ("Cluster", ref.cluster),
        ("Phase", row.phase),
        ("Message", row.message),
        ("Paused", _paused(obj, view)),
        ("Engine", _with_reason(row.engine, status.get("engine"))),
        ("Provider", _with_reason(row.provider, status.get("provider"))),
        ("Replicas", row.replicas),
        ("Endpoint", f"{endpoint['service']}:{endpoint['port']}" if endpoint.get("service") else ""),
        ("Gateway", gateway.get("url") or gateway.get("endpoint") or ""),
        ("Call", curl_of(gateway) if is_reachable(obj) else ""),
        ("Age", age(obj["metadata"].get("creationTimestamp"))),
        ("Workflow", workflow.trouble or view.get("step") or "running"),
        ("Build", workflow.state.build_id if workflow.state else ""),
        ("In the UI", workflow.link),
    ]
    output.facts(output.console(), [(label, value) for label, value in rows if value])


def is_reachable(obj: Object) -> bool:
    """Whether its condition says that requests arrive."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return any(entry["type"] == GATEWAY_READY and entry["status"] == "True" for entry in conditions)


def curl_of(gateway: Mapping[str, Any]) -> str:
    """A call of a published model, to be pasted into a shell; `gateway`: `status.gateway`."""
    name, url = str(gateway.get("modelName") or ""), str(gateway.get("url") or "")
    if not url or not name:
        return ""
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": "Hello"}]})
    # The header is what a body-based router fills in; with one it does no harm.
    parts = [
        *("curl", f"{url}/v1/chat/completions", "-H", "Content-Type: application/json"),
        *("-H", f"{MODEL_HEADER}: {name}", "-d", body),
    ]
    return shlex.join(parts)


def _paused(obj: Object, view: dict[str, Any]) -> str:
    """By whom, and why; empty: it is not paused."""
    asked = (view.get("state") or {}).get("paused_by")
    if asked:
        by = f"by {asked.get('by') or 'somebody'}"
        return f"{by} ({asked['reason']})" if asked.get("reason") else by
    return "by the annotation airunway.ai/reconcile-paused" if is_paused(obj["metadata"]) else ""


def _print_conditions(obj: Object) -> None:
    conditions = output.plain_table("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE")
    for entry in (obj.get("status") or {}).get("conditions") or []:
        since = age(entry["lastTransitionTime"])
        conditions.add_row(entry["type"], entry["status"], entry["reason"], since, entry["message"])
    if conditions.row_count:
        console = output.console()
        console.print()
        console.print(conditions)


def _with_reason(value: str, status: Any) -> str:
    reason = (status or {}).get("selectedReason")
    return f"{value} ({reason})" if value and reason else value
