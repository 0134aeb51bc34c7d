"""One deployment: its page, its logs, and what its buttons do, in the name of who presses them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response
from temporalio.service import RPCError

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, Object
from airunway.console.workflow_report import WorkflowReport, workflow_report
from airunway.messages.commands import COMMANDS, Asked
from airunway.messages.refs import DeploymentRef
from airunway.operations.errors import OperationError
from airunway.operations.updates import ask, how_it_closed, no_workflow
from airunway.web.access import Right, on_deployment
from airunway.web.errors import WebError
from airunway.web.identity import Caller
from airunway.web.on_record import put_on_record, written_by
from airunway.web.pages import deployment_view
from airunway.web.pages.pod_logs import read_logs
from airunway.web.pages.rendering import PageRoute, answer, link_to_workflow, page, path_to
from airunway.web.pages.timeline import Timeline, read_timeline
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(route_class=PageRoute, include_in_schema=False)

PAGE = "/deployments/{namespace}/{name}"
VIEW_SECONDS = 2.0
"""How long a page waits for a workflow's own words; it is shown without them then."""
MAX_REPLICAS = 1_000
MAX_REASON = 500
MERGE = "application/merge-patch+json"


@router.get(PAGE)
async def show(
    request: Request, namespace: str, name: str, state: State, caller: SignedIn, timeline: str = ""
) -> Response:
    """The page."""
    await state.rights.require(caller, on_deployment("get", namespace, name))
    revision = state.fleet.revision(namespace, name)  # before anything is read: a change from then on is told
    obj = state.fleet.deployment(namespace, name)
    ref = ref_of(state, namespace, name)
    everything = timeline == "all"
    report, life = await asyncio.gather(
        _report(state, ref), _timeline(state, ref, caller, everything=everything)
    )
    if obj is None and not life.entries:
        raise WebError(404, f"there is no ModelDeployment {namespace}/{name}, and Temporal remembers none")
    shown = deployment_view.deployment_page(obj) if obj is not None else None
    pods, pods_note = await _pods(state, caller, namespace, name)
    return page(
        request,
        "deployment.html",
        caller,
        ref=ref,
        revision=revision,
        shown=shown,
        **await _asked(state, caller, ref, obj, report),
        report=report,
        step=str((report.view or {}).get("step") or ""),
        waits_for=deployment_view.waits_for(report.view),
        life=life,
        everything=everything,
        pods=pods,
        pods_note=pods_note,
        workflow_link=link_to_workflow(state, ref.workflow_id),
    )


@router.post(PAGE + "/ask/{command}")
async def command(
    request: Request,
    namespace: str,
    name: str,
    command: str,
    state: State,
    caller: SignedIn,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Retry, cancel the build, pause or resume: what its workflow answers."""
    if command not in COMMANDS:
        raise WebError(404, f"there is no command {command!r}")
    await state.rights.require(caller, on_deployment("patch", namespace, name))
    ref = ref_of(state, namespace, name)
    client = await state.temporal()
    asked = Asked(by=caller.user, reason=reason[:MAX_REASON])
    try:
        done = await ask(client, ref.workflow_id, command, asked, about=f"ModelDeployment {ref}")
    except RPCError:
        closed = await how_it_closed(client, ref.workflow_id)
        exists = state.fleet.deployment(namespace, name) is not None
        raise WebError(409, no_workflow(ref, exists=exists, closed=closed)) from None
    return _done(request, caller, ref, done.message)


@router.post(PAGE + "/scale")
async def scale(
    request: Request,
    namespace: str,
    name: str,
    caller: SignedIn,
    state: State,
    replicas: Annotated[int, Form(ge=0, le=MAX_REPLICAS)],
) -> Response:
    """Another number of replicas, with the caller's rights."""
    body = {"spec": {"scaling": {"replicas": replicas}}}
    await caller.cluster.patch(
        DEPLOYMENTS,
        name,
        body,
        namespace=namespace,
        content_type=MERGE,
        field_manager=written_by(caller),
    )
    ref, words = ref_of(state, namespace, name), f"{replicas} replicas asked for"
    await put_on_record(state, caller, ref, words)
    return _done(request, caller, ref, words)


@router.post(PAGE + "/delete")
async def delete(
    request: Request,
    namespace: str,
    name: str,
    caller: SignedIn,
    state: State,
    uid: Annotated[str, Form()] = "",
) -> Response:
    """Delete the very one that was shown, with the caller's rights."""
    try:
        await caller.cluster.delete(DEPLOYMENTS, name, namespace=namespace, uid=uid or None)
    except NotFound:
        raise WebError(404, f"there is no ModelDeployment {namespace}/{name} any more") from None
    ref, words = ref_of(state, namespace, name), "its deletion has begun"
    await put_on_record(state, caller, ref, words)
    return _done(request, caller, ref, words)


@router.get(PAGE + "/logs")
async def logs(
    request: Request,
    namespace: str,
    name: str,
    state: State,
    caller: SignedIn,
    pod: str = "",
    container: str = "",
) -> Response:
    """The last lines of one container, with the caller's rights."""
    await state.rights.require(caller, on_deployment("get", namespace, name))
    pods = deployment_view.shown_pods(state.fleet.pods_of(namespace, name))
    chosen = next((entry for entry in pods if entry.name == pod), pods[0] if pods and not pod else None)
    if chosen is None:
        raise WebError(404, f"ModelDeployment {namespace}/{name} has no pod {pod or 'yet'}")
    if container and container not in chosen.containers:
        raise WebError(404, f"pod {chosen.name} has no container {container!r}")
    name_of_container = container or (chosen.containers[0] if chosen.containers else "")
    text = await read_logs(caller.cluster, namespace, chosen.name, name_of_container)
    return page(
        request,
        "logs.html",
        caller,
        ref=ref_of(state, namespace, name),
        pods=pods,
        chosen=chosen,
        container=name_of_container,
        text=text,
    )


def ref_of(state: WebState, namespace: str, name: str) -> DeploymentRef:
    """Which deployment is meant."""
    return DeploymentRef(cluster=state.settings.cluster, namespace=namespace, name=name)


async def _asked(
    state: WebState, caller: Caller, ref: DeploymentRef, obj: Object | None, report: WorkflowReport
) -> dict[str, Any]:
    """What may be asked of it, and why not: by rights first, then by how it stands."""
    if obj is None:
        return {}
    shown = deployment_view.deployment_page(obj)
    may_edit, may_delete = [
        await state.rights.may(caller, on_deployment(verb, ref.namespace, ref.name))
        for verb in ("patch", "delete")
    ]
    no_right = "" if may_edit else "you may not change it"
    leaving = deployment_view.leaving_words(shown)
    is_closed = report.state is None or not report.state.is_open
    unreachable = f"its workflow: {report.trouble}" if is_closed and report.trouble else ""
    return {
        "buttons": deployment_view.buttons(shown, obj, view=report.view, unreachable=unreachable),
        "no_right": no_right,
        "no_edit": no_right or leaving,
        "no_scaling": no_right or deployment_view.no_scaling(shown, obj),
        "no_delete": leaving if may_delete else "you may not delete it",
    }


async def _report(state: WebState, ref: DeploymentRef) -> WorkflowReport:
    link = link_to_workflow(state, ref.workflow_id)
    try:
        client = await state.temporal()
    except OperationError as err:
        return WorkflowReport(id=ref.workflow_id, link=link, trouble=str(err))
    return await workflow_report(client, ref.workflow_id, link=link, patience=VIEW_SECONDS)


async def _timeline(state: WebState, ref: DeploymentRef, caller: Caller, *, everything: bool) -> Timeline:
    try:
        client = await state.temporal()
    except OperationError as err:
        return Timeline(notes=[str(err)])
    return await read_timeline(client, ref, caller.cluster, everything=everything)


async def _pods(
    state: WebState, caller: Caller, namespace: str, name: str
) -> tuple[list[deployment_view.ShownPod], str]:
    """Its pods, or why they are not shown."""
    right = Right("list", "pods", "", namespace)
    if not await state.rights.may(caller, right):
        return [], f"you may not {right.words}, so pods are not shown"
    return deployment_view.shown_pods(state.fleet.pods_of(namespace, name)), ""


def _done(request: Request, caller: Caller, ref: DeploymentRef, message: str) -> Response:
    return answer(
        request, caller, title=str(ref), message=message, back=path_to("deployments", ref.namespace, ref.name)
    )
