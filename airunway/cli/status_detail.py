"""`airunway status NAME`: one deployment in full, and how its workflow is."""

from __future__ import annotations

from typing import Any

from temporalio.client import Client

from airunway.api.names import DEPLOYMENT_KIND, is_paused
from airunway.cli import output
from airunway.cli.formats import OutputFormat
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.console.calling import curl_of, is_reachable
from airunway.console.links import workflow_link
from airunway.console.rows import age, deployment_resource, deployment_row
from airunway.console.workflow_report import WorkflowReport, workflow_report
from airunway.messages.refs import DeploymentRef
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of


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
    if not form.is_table:
        answer = {"deployment": obj, "cluster": ref.cluster, "workflow": workflow.as_json()}
        output.data(answer, form, names=[deployment_resource(name)])
        return
    _print_facts(obj, ref, workflow)
    _print_conditions(obj)


async def _workflow(settings: Settings, ref: DeploymentRef) -> WorkflowReport:
    link = workflow_link(target_of(settings), ref.workflow_id)
    try:
        client: Client = await temporal_client(settings)
    except CliError as err:
        return WorkflowReport(id=ref.workflow_id, link=link, trouble=str(err))
    return await workflow_report(client, ref.workflow_id, link=link)


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
