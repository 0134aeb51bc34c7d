"""A new deployment and the change of one: form and YAML side by side, with the plan of both."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import DEPLOYMENTS
from airunway.console.documents import UnreadableDocument
from airunway.messages.refs import DeploymentRef
from airunway.web.access import on_deployment
from airunway.web.answers import JsonAnswer
from airunway.web.errors import WebError, message_of, status_of
from airunway.web.identity import Caller
from airunway.web.on_record import put_on_record, written_by
from airunway.web.pages.deploy_form import (
    BY_NAME,
    FIELDS,
    Body,
    body_of,
    example_body,
    fields_of,
    text_of,
    with_fields,
)
from airunway.web.pages.live_plan import LivePlan, LivePlans
from airunway.web.pages.rendering import ENVIRONMENT, PageRoute, page, path_to, wants_json
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(route_class=PageRoute, include_in_schema=False)

JSON_PATCH = "application/json-patch+json"
MAX_PAGE_ID, MAX_NAMES = 40, 320
EDIT = "/deployments/{namespace}/{name}/edit"


@dataclass(frozen=True)
class Typed:
    """What was typed: the text, what it and the fields come to, or why it cannot be read."""

    text: str
    body: Body = field(default_factory=dict)
    problem: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """What stands in the fields."""
        return fields_of(self.body)


async def typed_in(request: Request) -> tuple[Typed, str]:
    """What a form brings, and which button sent it.

    The text counts where it was changed, the fields where only they were: `base` is the text as it was shown,
    and a script says by `edited` which one it was.
    """
    form = await request.form()
    given = {name: str(value) for name, value in form.items()}
    text, base, edited = given.get("yaml", ""), given.get("base", ""), given.get("edited", "")
    is_text = edited == "yaml" or (edited != "fields" and _lines(text) != _lines(base))
    try:
        body = await asyncio.to_thread(body_of, text)
    except UnreadableDocument as err:
        return Typed(text=text, problem=str(err)), given.get("action", "")
    if is_text:
        return Typed(text=text, body=body), given.get("action", "")
    body = with_fields(body, {name: given[name] for name in BY_NAME if name in given})
    return Typed(text=text_of(body), body=body), given.get("action", "")


@router.get("/deploy")
async def begin(request: Request, state: State, caller: SignedIn, model: str = "") -> Response:
    """An example to begin with, planned."""
    body = example_body()
    if model:
        body["spec"]["model"]["id"] = model[:253]
    return await _form(request, state, caller, Typed(text=text_of(body), body=body))


@router.post("/deploy")
async def deploy(request: Request, state: State, caller: SignedIn) -> Response:
    """Plan again, or create with the caller's rights."""
    typed, action = await typed_in(request)
    if action != "create" or typed.problem:
        return await _form(request, state, caller, typed)
    meta = typed.body.get("metadata")
    namespace = str((meta if isinstance(meta, Mapping) else {}).get("namespace") or "default")
    try:
        made = await caller.cluster.create(
            DEPLOYMENTS, typed.body, namespace=namespace, field_manager=written_by(caller), strict=True
        )
    except ApiError as err:
        return await _form(request, state, caller, typed, refusal=message_of(err), status=status_of(err))
    return _led_to(request, namespace, made["metadata"]["name"])


@router.post("/deploy/plan")
async def plan(request: Request, state: State, caller: SignedIn) -> Response:
    """The plan as a piece of a page, with the text and the fields that belong to it: for the script.

    A page says by `page` which one it is: of what is typed on it only the last is planned; by `editing` which
    deployment is changed there.
    """
    form = await request.form()
    plans, page_id = plans_of(state), str(form.get("page") or "")[:MAX_PAGE_ID]
    _, _, edited = str(form.get("editing") or "")[:MAX_NAMES].partition("/")
    is_wanted = plans.newest(caller, page_id) if page_id else lambda: True
    typed, _ = await typed_in(request)
    planned = await plans.of(typed.body, caller, is_wanted=is_wanted) if not typed.problem else None
    html = ENVIRONMENT.get_template("_plan.html").render(plan=planned, typed=typed)
    why_not = await _why_not(state, caller, "patch" if edited else "create", typed, edited)
    return JsonAnswer(
        {"html": html, "yaml": typed.text, "fields": typed.fields if planned else None, "whyNot": why_not}
    )


@router.get(EDIT)
async def edit(request: Request, namespace: str, name: str, state: State, caller: SignedIn) -> Response:
    """What it asks for now, to be changed."""
    live = await caller.cluster.get(DEPLOYMENTS, name, namespace=namespace)
    meta = {"name": name, "namespace": namespace, "resourceVersion": live["metadata"]["resourceVersion"]}
    body = {
        "apiVersion": API_VERSION,
        "kind": DEPLOYMENT_KIND,
        "metadata": meta,
        "spec": live.get("spec") or {},
    }
    return await _form(
        request, state, caller, Typed(text=text_of(body), body=body), editing=f"{namespace}/{name}"
    )


@router.post(EDIT)
async def save(request: Request, namespace: str, name: str, state: State, caller: SignedIn) -> Response:
    """Plan again, or write the spec over the version that was shown, with the caller's rights."""
    typed, action = await typed_in(request)
    editing = f"{namespace}/{name}"
    if action != "save" or typed.problem:
        return await _form(request, state, caller, typed, editing=editing)
    try:
        await caller.cluster.patch(
            DEPLOYMENTS,
            name,
            spec_change(typed.body, namespace, name),
            namespace=namespace,
            content_type=JSON_PATCH,
            field_manager=written_by(caller),
        )
    except (ApiError, WebError) as err:
        status, words = status_of(err), message_of(err)
        return await _form(request, state, caller, typed, refusal=words, status=status, editing=editing)
    ref = DeploymentRef(cluster=state.settings.cluster, namespace=namespace, name=name)
    await put_on_record(state, caller, ref, "its spec was edited")
    return _led_to(request, namespace, name)


def spec_change(body: Mapping[str, Any], namespace: str, name: str) -> list[dict[str, Any]]:
    """A JSON patch of the spec alone, of the version that was shown. Raises WebError for another object."""
    meta = body.get("metadata")
    given = meta if isinstance(meta, Mapping) else {}
    if (given.get("namespace"), given.get("name")) != (namespace, name):
        raise WebError(
            422, f"metadata: name and namespace stay {namespace}/{name}; to move it, deploy it anew"
        )
    patch: list[dict[str, Any]] = [{"op": "replace", "path": "/spec", "value": body.get("spec") or {}}]
    if version := given.get("resourceVersion"):
        # Somebody may have changed it since the page was loaded: then nothing is written.
        patch.insert(0, {"op": "test", "path": "/metadata/resourceVersion", "value": str(version)})
    return patch


def plans_of(state: WebState) -> LivePlans:
    """The plans of a process; made when first asked for."""
    if not isinstance(state.plans, LivePlans):
        state.plans = LivePlans(state.settings, state.cluster, state.fleet, state.providers)
    plans: LivePlans = state.plans
    return plans


async def _form(
    request: Request,
    state: WebState,
    caller: Caller,
    typed: Typed,
    *,
    refusal: str = "",
    status: int = 200,
    editing: str = "",
) -> Response:
    """The page, or for a script what was refused: there, everything that was typed stays as it is."""
    if wants_json(request) and (problem := refusal or typed.problem):
        return JsonAnswer({"ok": False, "message": problem}, status if refusal else 422)
    planned: LivePlan | None = await plans_of(state).of(typed.body, caller) if not typed.problem else None
    namespace, _, name = editing.partition("/")
    return page(
        request,
        "deploy.html",
        caller,
        status=status,
        typed=typed,
        plan=planned,
        form=FIELDS,
        refusal=refusal,
        editing=editing,
        action=path_to("deployments", namespace, name, "edit") if editing else "/deploy",
        why_not=await _why_not(state, caller, "patch" if editing else "create", typed, name),
        providers=sorted(name for _, name in state.fleet.configs.objects),
    )


def _led_to(request: Request, namespace: str, name: str) -> Response:
    """To the page of what was made or changed."""
    path = path_to("deployments", namespace, name)
    if wants_json(request):
        return JsonAnswer({"ok": True, "location": path})
    return RedirectResponse(path, status_code=303)


async def _why_not(state: WebState, caller: Caller, verb: str, typed: Typed, name: str = "") -> str:
    """Why the form would be refused whatever stands in its fields; empty: it may be sent."""
    if typed.problem:
        return "the YAML cannot be read, as the plan says; mend it and plan again"
    meta = typed.body.get("metadata")
    namespace = str((meta if isinstance(meta, Mapping) else {}).get("namespace") or "default")[:253]
    right = on_deployment(verb, namespace, name)
    try:
        may = await state.rights.may(caller, right)
    except ApiError:
        return ""  # nobody can say: Kubernetes has the last word anyway
    return "" if may else f"you may not {right.words}"


def _lines(text: str) -> list[str]:
    """A text without what a browser makes of its line ends."""
    return text.replace("\r\n", "\n").strip().split("\n")
