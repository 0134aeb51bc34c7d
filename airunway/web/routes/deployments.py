"""Deployments: list, create, look, delete (web-api.md §3.2)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from airunway.clients.errors import ApiError, Forbidden, NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, EVENTS, Object, Resource
from airunway.messages.refs import DeploymentRef
from airunway.selection.defaulting import with_defaults
from airunway.web.answers import JsonAnswer, compact
from airunway.web.derive.bodies import NAMESPACE_PATTERN, DeploymentBody
from airunway.web.derive.capacity import gpus_by_node, totals
from airunway.web.derive.catalogue import min_gpus_of
from airunway.web.derive.creation import capability_problem, fit_warnings, manifest_of
from airunway.web.derive.pods import pod_status
from airunway.web.derive.providers import capabilities_of
from airunway.web.derive.reasons import pending_reasons
from airunway.web.documented import answers
from airunway.web.errors import WebError
from airunway.web.kept import without_managers
from airunway.web.listing import newest_first
from airunway.web.on_record import put_on_record, written_by
from airunway.web.routes.common import (
    Name,
    NamespaceQuery,
    Offset,
    default_namespace,
    read_deployment,
    status_answer,
)
from airunway.web.shapes.common import MessageShape
from airunway.web.shapes.deployments import (
    ClaimsShape,
    CreatedShape,
    DeploymentShape,
    DeploymentsShape,
    ManifestsShape,
    PendingReasonsShape,
    PodsShape,
)
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(prefix="/api/deployments", tags=["deployments"])

CLAIMS = Resource("v1", "persistentvolumeclaims")


@router.get("")
@answers(DeploymentsShape)
async def list_deployments(
    state: State,
    caller: SignedIn,
    namespace: NamespaceQuery = None,
    limit: Annotated[int | None, Query(ge=1, le=100)] = None,
    offset: Offset = 0,
) -> Response:
    """The deployments that the caller may list, newest first."""
    if "deployments" in state.fleet.not_listed:
        raise WebError(503, "the deployments of the cluster could not be listed yet; try again in a moment")
    found = newest_first(await state.fleet.visible(caller, namespace))
    total = len(found)
    shown = found[offset : offset + limit] if limit is not None else found[offset:]
    pagination = {
        "total": total,
        "limit": total if limit is None else limit,
        "offset": offset,
        "hasMore": offset + len(shown) < total,
    }
    texts = state.shown.texts(shown)
    body = f'{{"deployments":[{",".join(texts)}],"pagination":{compact(pagination)}}}'
    return Response(body.encode(), media_type="application/json")


@router.post("", status_code=201)
@answers(CreatedShape)
async def create_deployment(state: State, caller: SignedIn, body: DeploymentBody) -> Response:
    """Create one with the caller's rights; what speaks against GPUs enough is said, and refuses nothing."""
    manifest = await _checked(state, body)
    warnings = _fit_warnings(state, body)
    said: list[str] = []
    namespace = manifest["metadata"]["namespace"]
    made = await caller.cluster.create(
        DEPLOYMENTS, manifest, namespace=namespace, field_manager=written_by(caller), warnings=said
    )
    warnings += [text for text in said if text not in warnings]
    name = made["metadata"]["name"]
    return JsonAnswer(
        {
            "message": "Deployment created successfully",
            "name": name,
            "namespace": namespace,
            "warnings": warnings or None,
            "links": status_answer(state, made).get("links"),
        },
        201,
    )


@router.post("/preview")
@answers(ManifestsShape)
async def preview_deployment(state: State, body: DeploymentBody) -> Response:
    """The object that a create would make, with the defaults of admission's storage."""
    manifest = await _checked(state, body)
    filled = with_defaults({**manifest, "spec": {**manifest["spec"]}})
    model = {**manifest["spec"]["model"]}
    if storage := filled["spec"]["model"].get("storage"):
        model["storage"] = storage
    return JsonAnswer(_resources({**manifest, "spec": {**manifest["spec"], "model": model}}))


@router.get("/-/pvcs")
@answers(ClaimsShape)
async def list_claims(
    caller: SignedIn, namespace: Annotated[str, Query(pattern=NAMESPACE_PATTERN, max_length=63)]
) -> Response:
    """The claims of a namespace, with the caller's rights."""
    listing = await caller.cluster.listing(CLAIMS, namespace=namespace)
    return JsonAnswer({"pvcs": [_claim(claim) for claim in listing.items]})


@router.get("/{name}")
@answers(DeploymentShape)
async def get_deployment(
    state: State, caller: SignedIn, name: Name, namespace: NamespaceQuery = None
) -> Response:
    """One deployment as it is now."""
    return JsonAnswer(status_answer(state, await read_deployment(state, caller, namespace, name)))


@router.delete("/{name}")
@answers(MessageShape)
async def delete_deployment(
    state: State, caller: SignedIn, name: Name, namespace: NamespaceQuery = None
) -> Response:
    """Delete one, with the caller's rights."""
    where = namespace or await default_namespace(state)
    try:
        await caller.cluster.delete(DEPLOYMENTS, name, namespace=where)
    except NotFound as err:
        raise WebError(404, f"Deployment not found: there is no ModelDeployment {where}/{name}") from err
    ref = DeploymentRef(cluster=state.settings.cluster, namespace=where, name=name)
    await put_on_record(state, caller, ref, "its deletion has begun")
    return JsonAnswer({"message": "Deployment deleted successfully"})


@router.get("/{name}/manifest")
@answers(ManifestsShape)
async def get_manifest(
    state: State, caller: SignedIn, name: Name, namespace: NamespaceQuery = None
) -> Response:
    """The object as it is."""
    return JsonAnswer(_resources(await read_deployment(state, caller, namespace, name)))


@router.get("/{name}/pods")
@answers(PodsShape)
async def get_pods(state: State, caller: SignedIn, name: Name, namespace: NamespaceQuery = None) -> Response:
    """Its pods."""
    meta = (await read_deployment(state, caller, namespace, name))["metadata"]
    pods = state.fleet.pods_of(meta["namespace"], meta["name"])
    return JsonAnswer({"pods": [pod_status(pod) for pod in pods]})


@router.get("/{name}/pending-reasons")
@answers(PendingReasonsShape)
async def get_pending_reasons(
    state: State, caller: SignedIn, name: Name, namespace: NamespaceQuery = None
) -> Response:
    """Why its first pending pod is, and why the deployment itself waits."""
    deployment = await read_deployment(state, caller, namespace, name)
    meta = deployment["metadata"]
    pods = state.fleet.pods_of(meta["namespace"], meta["name"])
    pending = next((pod for pod in pods if (pod.get("status") or {}).get("phase") == "Pending"), None)
    shown = status_answer(state, deployment)
    told = {key: shown.get(key) for key in ("message", "reason", "step", "links")}
    reasons: list[dict[str, Any]] = []
    if pending is not None:
        try:
            events = await caller.cluster.listing(
                EVENTS,
                namespace=meta["namespace"],
                field_selector=f"involvedObject.name={pending['metadata']['name']}",
            )
        except Forbidden as err:  # what the deployment itself says is worth the same
            return JsonAnswer({"reasons": [], **told, "error": f"Events of its pod cannot be read: {err}"})
        except ApiError as err:
            raise WebError(500, str(err), body={"reasons": [], "error": str(err)}) from err
        reasons = pending_reasons(events.items)
    return JsonAnswer({"reasons": reasons, **told})


# -- pieces ----------------------------------------------------------------------------------------------


async def _checked(state: WebState, body: DeploymentBody) -> Object:
    """The object of a request. Raises WebError: provider unknown (404), not offered (422)."""
    if body.provider is not None and "configs" not in state.fleet.not_listed:
        config = state.fleet.config(body.provider)
        if config is None:
            known = ", ".join(sorted(name for _, name in state.fleet.configs.objects)) or "none"
            raise WebError(404, f"Provider not found: {body.provider}; registered: {known}")
        problem = capability_problem(body, capabilities_of(config))
        if problem:
            raise WebError(422, problem)
    namespace = body.namespace or await default_namespace(state)
    return manifest_of(body, namespace=namespace, build_file=await state.promises.file_for(body))


def _fit_warnings(state: WebState, body: DeploymentBody) -> list[str]:
    counts = totals(gpus_by_node(state.fleet.nodes.objects.values(), state.fleet.pods.pods.values()))
    return fit_warnings(
        body,
        available=counts["availableGpus"],
        largest=counts["maxContiguousAvailable"],
        min_gpus=min_gpus_of(body.model_id),
    )


def _resources(manifest: Object) -> dict[str, Any]:
    shown = {key: value for key, value in without_managers(manifest).items() if key != "status"}
    kind = {"kind": str(manifest.get("kind")), "apiVersion": str(manifest.get("apiVersion"))}
    return {
        "resources": [{**kind, "name": manifest["metadata"]["name"], "manifest": shown}],
        "primaryResource": kind,
    }


def _claim(claim: Object) -> dict[str, str]:
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return {
        "name": claim["metadata"]["name"],
        "status": str(status.get("phase") or "Unknown"),
        "storageClass": str(spec.get("storageClassName") or ""),
        "capacity": str((status.get("capacity") or {}).get("storage") or asked or ""),
    }
