"""One deployment as its page shows it: words for conditions, what it waits for, pods with causes. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.api.model_deployment import ServingMode
from airunway.api.names import PAUSED, is_paused
from airunway.api.status import Phase
from airunway.console.calling import curl_of, is_reachable
from airunway.console.rows import age
from airunway.messages.commands import CANCEL_BUILD, PAUSE, RESUME, RETRY
from airunway.messages.deployment_state import IMAGE_BUILDING, MODEL_IMAGE_READY
from airunway.provider.diagnosis import diagnose
from airunway.web.derive.condition_words import condition_tone, condition_words
from airunway.web.pages.fleet_view import NOT_SAID
from airunway.web.pages.lenient import condition_in, conditions_in, count_of, map_of

Object = Mapping[str, Any]


@dataclass(frozen=True)
class ShownCondition:
    """A condition in words. `tone`: good, bad or open."""

    type: str
    words: str
    reason: str
    message: str
    since: str
    tone: str


@dataclass(frozen=True)
class ShownPod:
    """A pod, and what keeps it from being ready."""

    name: str
    phase: str
    is_ready: bool
    restarts: int
    node: str
    age: str
    causes: tuple[str, ...]
    containers: tuple[str, ...]


@dataclass(frozen=True)
class ShownButton:
    """Something that a person may ask for. `why_not`: why not now; empty: it can be asked."""

    command: str
    label: str
    why_not: str = ""


@dataclass(frozen=True)
class DeploymentPage:
    """What the page shows of the object itself."""

    namespace: str
    name: str
    uid: str
    phase: str
    message: str
    model: str
    engine: str
    engine_why: str
    provider: str
    provider_why: str
    desired: int | None
    ready: int
    replicas: int
    endpoint: str
    gateway_url: str
    curl: str
    age: str
    is_paused: bool
    conditions: list[ShownCondition]


def deployment_page(obj: Object) -> DeploymentPage:
    """Lenient: any field of the status may be missing."""
    meta, spec, status = obj["metadata"], map_of(obj.get("spec")), map_of(obj.get("status"))
    replicas, endpoint, gateway = (map_of(status.get(key)) for key in ("replicas", "endpoint", "gateway"))
    engine, provider = map_of(status.get("engine")), map_of(status.get("provider"))
    namespace, name = str(meta.get("namespace", "")), str(meta["name"])
    model = str(map_of(spec.get("model")).get("id") or "")
    service = f"{endpoint['service']}:{endpoint.get('port')}" if endpoint.get("service") else ""
    published = curl_of(gateway) if is_reachable(obj) else ""
    return DeploymentPage(
        namespace=namespace,
        name=name,
        uid=str(meta.get("uid") or ""),
        phase=Phase.TERMINATING if meta.get("deletionTimestamp") else str(status.get("phase") or NOT_SAID),
        message=str(status.get("message") or ""),
        model=model,
        engine=str(engine.get("type") or ""),
        engine_why=str(engine.get("selectedReason") or ""),
        provider=str(provider.get("name") or ""),
        provider_why=str(provider.get("selectedReason") or ""),
        desired=replicas.get("desired"),
        ready=count_of(replicas.get("ready")),
        replicas=_wanted_replicas(spec),
        endpoint=service,
        gateway_url=str(gateway.get("url") or gateway.get("endpoint") or ""),
        curl=published or _forwarded(namespace, endpoint, _served_name(spec) or model),
        age=age(meta.get("creationTimestamp")),
        is_paused=is_paused(meta) or condition_in(obj, PAUSED).get("status") == "True",
        conditions=[_shown(entry) for entry in conditions_in(obj)],
    )


def buttons(
    page: DeploymentPage, obj: Object, *, view: Object | None = None, unreachable: str = ""
) -> list[ShownButton]:
    """What may be asked of its workflow now. The workflow has the last word: this only spares a refusal.

    `view`: its own answer, which says what it would refuse; None: nobody answered in time.
    `unreachable`: why nobody can be asked.
    """
    refusals = map_of(view["refusals"]) if view and "refusals" in view else _refusals(page, obj)
    leaving = leaving_words(page)
    shown = [("Retry", RETRY), ("Cancel build", CANCEL_BUILD)]
    shown += [("Resume", RESUME)] if page.is_paused else [("Pause", PAUSE)]
    return [
        ShownButton(command, label, leaving or str(refusals.get(command) or "") or unreachable)
        for label, command in shown
    ]


def leaving_words(page: DeploymentPage) -> str:
    """Why nothing of it is changed any more; empty: it may be."""
    return "it is being deleted" if page.phase == Phase.TERMINATING else ""


def no_scaling(page: DeploymentPage, obj: Object) -> str:
    """Why a number of replicas would change nothing; empty: it would."""
    serving = map_of(map_of(obj.get("spec")).get("serving"))
    if serving.get("mode") == ServingMode.DISAGGREGATED:
        return "its prefill and decode workers are counted apart: edit it"
    return leaving_words(page)


def _refusals(page: DeploymentPage, obj: Object) -> dict[str, str]:
    """What the status alone says of commands that would be refused."""
    failed = any(entry.get("status") == "False" for entry in conditions_in(obj))
    is_building = condition_in(obj, MODEL_IMAGE_READY).get("reason") == IMAGE_BUILDING
    runs = "nothing failed; phase is Running" if page.phase == Phase.RUNNING and not failed else ""
    return {
        RETRY: "it is paused" if page.is_paused else runs,
        CANCEL_BUILD: "" if is_building else "no image is being built",
    }


def shown_pods(pods: Iterable[Object]) -> list[ShownPod]:
    """Pods with their causes, those that are not ready first."""
    found = [_shown_pod(pod) for pod in pods]
    return sorted(found, key=lambda pod: (pod.is_ready, pod.name))


def waits_for(view: Mapping[str, Any] | None) -> str:
    """What a workflow that waits is waiting for, as far as it says it; `view`: its own answer."""
    if not view or not view.get("waiting"):
        return ""
    state = map_of(view.get("state"))
    image, installation = map_of(state.get("model_image")), map_of(state.get("installation"))
    if image.get("workflow_id") and image.get("phase") not in ("ready", "failed", "cancelled"):
        return "the image of its model"
    if installation.get("workflow_id") or installation.get("provider"):
        return f"the installation of {installation.get('provider') or 'its provider'}"
    if state.get("paused_by"):
        return "somebody to resume it"
    when = str(view.get("next_reconcile_at") or "")
    return f"its next look at {when[:19]}Z" if when else "a change of the deployment or of its objects"


def _shown(given: Object) -> ShownCondition:
    kind, status = str(given.get("type") or ""), str(given.get("status") or "")
    return ShownCondition(
        type=kind,
        words=condition_words(kind, status),
        reason=str(given.get("reason") or ""),
        message=str(given.get("message") or ""),
        since=age(given.get("lastTransitionTime")),
        tone=condition_tone(kind, status),
    )


def _shown_pod(pod: Object) -> ShownPod:
    meta, spec, status = pod["metadata"], map_of(pod.get("spec")), map_of(pod.get("status"))
    main: Sequence[Any] = status.get("containerStatuses") or ()
    initial: Sequence[Any] = status.get("initContainerStatuses") or ()
    return ShownPod(
        name=str(meta["name"]),
        phase="Terminating" if meta.get("deletionTimestamp") else str(status.get("phase") or "Unknown"),
        is_ready=bool(main) and all(map_of(entry).get("ready") for entry in main),
        restarts=sum(count_of(map_of(entry).get("restartCount")) for entry in (*initial, *main)),
        node=str(spec.get("nodeName") or ""),
        age=age(meta.get("creationTimestamp")),
        causes=tuple(finding.message for finding in diagnose([pod], [])),
        containers=tuple(str(map_of(entry).get("name") or "") for entry in spec.get("containers") or ()),
    )


def _forwarded(namespace: str, endpoint: Mapping[str, Any], model: str) -> str:
    """A call through a forwarded port, for a model that is not published."""
    if not endpoint.get("service"):
        return ""
    service, port = shlex.quote(f"service/{endpoint['service']}"), endpoint.get("port") or 8000
    body = shlex.quote(f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}')
    return (
        f"kubectl -n {shlex.quote(namespace)} port-forward {service} 8000:{port} &\n"
        f"curl http://localhost:8000/v1/chat/completions -H 'Content-Type: application/json' -d {body}"
    )


def _served_name(spec: Mapping[str, Any]) -> str:
    return str(map_of(spec.get("model")).get("servedName") or "")


def _wanted_replicas(spec: Mapping[str, Any]) -> int:
    wanted = map_of(spec.get("scaling")).get("replicas")
    return wanted if isinstance(wanted, int) else 1
