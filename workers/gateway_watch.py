"""The gateway's kinds, followed while the cluster serves them: whom a change concerns is signalled.

CRDs come and go, so what is served is asked every few seconds, by one process for the whole cluster, and
nothing is watched where there is no Gateway API. What a first list brings signals only those whose status
says something else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.api import names
from airunway.api.gateway_reasons import DISABLED, NO_CRDS, POOL_NOT_ALLOWED, POOL_NOT_FOUND
from airunway.api.status import Phase
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, Cluster, Kind, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.gateway.kinds import GATEWAY, HTTP_ROUTE, INFERENCE_POOL, REFERENCE_GRANT, ServedKinds
from airunway.gateway.listeners import admits
from airunway.gateway.naming import LABEL_MODEL_NAME, LABEL_PUBLISHES
from airunway.gateway.objects import granted_namespaces
from airunway.messages.refs import DeploymentRef
from airunway.workers.audit.facts import PublishedAs
from airunway.workers.audit.fleet import Fleet

_log = structlog.get_logger(__name__)

POLL_SECONDS = 10.0
TRUE = "True"
Notify = Callable[[DeploymentRef, str], None]
"""(deployment, cause): how it is published is to be looked at."""


class GatewayWatch:
    """Follows what publishes deployments. `poll_seconds`: between questions what is served."""

    def __init__(
        self,
        cluster: Cluster,
        fleet: Fleet,
        notify: Notify,
        *,
        cluster_name: str,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._cluster, self._fleet, self._notify = cluster, fleet, notify
        self._cluster_name, self._poll = cluster_name, poll_seconds
        self._kinds = ServedGatewayKinds(cluster)
        self._known: dict[str, int] = {}
        """Digest of each object that is followed, by uid."""
        self._labels: dict[str, _WantedName] = {}
        """By uid of a route."""
        self._admitted: dict[str, int] = {}
        """Digest of whom the listeners of a Gateway admit, by its uid."""
        self._following: asyncio.Task[None] | None = None
        self._followed: ServedKinds | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._fleet.are_deployments_listed.wait()
        try:
            while True:
                try:
                    await self._kinds.refresh()
                    self._adopt(self._kinds.known)
                except ClientError as err:
                    self._report(err)
                await asyncio.sleep(self._poll)
        finally:
            if self._following is not None:
                self._following.cancel()
                await asyncio.wait([self._following])

    def _report(self, err: ClientError) -> None:
        log = _log.bind(error=str(err)[:200])
        self._cluster.outage.suspect(lambda: log.warning("gateway kinds cannot be discovered"))

    def _adopt(self, served: ServedKinds) -> None:
        if served.complete and (self._following is None or self._followed != served):
            self._stop_following()  # a kind that came later, or in another version, is followed too
            self._following, self._followed = asyncio.create_task(self._follow(served)), served
            self._tell("the cluster serves Gateway API", lambda _, said: said.reason not in (TRUE, DISABLED))
        elif not served.complete:
            self._stop_following()
            self._tell(
                "the cluster serves no Gateway API",
                lambda _, said: said.reason not in ("", NO_CRDS, DISABLED),
            )

    def _stop_following(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None
            self._known.clear()
            self._labels.clear()
            self._admitted.clear()

    async def _follow(self, served: ServedKinds) -> None:
        handlers: list[tuple[Kind, str, Callable[[ObjectChange, bool], None]]] = [
            (served[GATEWAY], "", self._on_gateway),
            (served[HTTP_ROUTE], "", self._on_route),
            (served[INFERENCE_POOL], "", self._on_pool),
            (APPS_DEPLOYMENTS, LABEL_PUBLISHES, self._on_picker),
        ]
        if grants := served.get(REFERENCE_GRANT):
            handlers.append((grants, "", self._on_grant))
        followers = [_Follower(self._cluster, kind, label, handler) for kind, label, handler in handlers]
        async with asyncio.TaskGroup() as group:
            for follower in followers:
                group.create_task(follower.reflector.run())
            await followers[1].reflector.synced.wait()
            self._tell_of_missing_routes()

    # -- changes --------------------------------------------------------------------------------------------

    def _on_gateway(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, _gateway_content)
        gateway, meta = change.object, change.object["metadata"]
        place, verb = f"Gateway {meta['namespace']}/{meta['name']}", _verb(change)
        admitted_before = self._admitted.pop(meta["uid"], None)
        if change.type == "set":
            self._admitted[meta["uid"]] = _digest(_admissions(gateway))
        if not first and self._admitted.get(meta["uid"], admitted_before) != admitted_before:
            self._tell(
                f"{place} does not admit it",
                lambda ref, said: (
                    said.namespace == meta["namespace"]
                    and said.reason == TRUE
                    and not admits(gateway, ref.namespace, labels={})
                ),
            )
        if before == now or first:
            return
        is_new = before is None or now is None

        def concerns(_: DeploymentRef, said: PublishedAs) -> bool:
            if said.reason == DISABLED:
                return False
            return is_new or said.reason != TRUE or said.namespace in ("", meta["namespace"])

        self._tell(f"{place} {verb}", concerns)

    def _on_route(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, _route_content)
        meta = change.object["metadata"]
        cause, noted = f"HTTPRoute {meta['name']} {_verb(change)}", self._labels.pop(meta["uid"], None)
        owner = self._owner(change.object) or (noted.owner if noted else None)
        if owner is None:
            if before != now and not first:
                self._tell(
                    cause, lambda ref, said: (ref.namespace, said.route) == (meta["namespace"], meta["name"])
                )
            return
        wanted = None
        if change.type == "set" and meta["name"] == owner.name:
            self._labels[meta["uid"]] = wanted = _WantedName.of(owner, change.object)
        if before == now or first:
            return
        if before is not None or change.object.get("status"):  # else the echo of our own create
            self._notify(owner, cause)
        if wanted != noted:
            labels = {one.label for one in (wanted, noted) if one is not None and one.label}
            for other in list(self._labels.values()):
                if other.owner != owner and other.label in labels:
                    self._notify(other.owner, f"who wants its model name changed: {cause}")

    def _on_pool(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, _pool_content)
        if before == now or first:
            return
        meta, owner = change.object["metadata"], self._owner(change.object)
        cause = f"InferencePool {meta['name']} {_verb(change)}"
        if owner is not None:
            if before is not None or change.object.get("status"):
                self._notify(owner, cause)
            return

        def concerns(ref: DeploymentRef, said: PublishedAs) -> bool:
            if said.pool:
                return said.pool == f"{meta['namespace']}/{meta['name']}"
            if said.reason == POOL_NOT_FOUND and before is None:
                return True
            return ref.namespace == meta["namespace"] and str(meta["name"]).startswith(ref.name)

        self._tell(cause, concerns)

    def _on_picker(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, _picker_content)
        meta = change.object["metadata"]
        owner = self._owner(change.object)
        if (
            owner is not None
            and before != now
            and not first
            and (before is not None or _is_up(change.object))
        ):
            self._notify(owner, f"endpoint picker {meta['name']} {_verb(change)}")

    def _on_grant(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, lambda grant: grant.get("spec"))
        if before != now and not first:
            permitted = granted_namespaces(change.object)
            self._tell(
                "a ReferenceGrant changed",
                lambda ref, said: said.reason == POOL_NOT_ALLOWED and ref.namespace in permitted,
            )

    # -- whom it concerns -----------------------------------------------------------------------------------

    def _tell(self, cause: str, concerns: Callable[[DeploymentRef, PublishedAs], bool]) -> None:
        for ref, said in self._running():
            if concerns(ref, said):
                self._notify(ref, cause)

    def _tell_of_missing_routes(self) -> None:
        """Of those who say that they are published: their route went while nobody watched."""
        there = {one.owner for one in self._labels.values()}
        self._tell(
            "its HTTPRoute is not there",
            lambda ref, said: said.reason == TRUE and not said.route and ref not in there,
        )

    def _running(self) -> Iterator[tuple[DeploymentRef, PublishedAs]]:
        for ref, known in list(self._fleet.deployments.items()):
            if known.facts.phase == Phase.RUNNING and not known.mark.deleted:
                yield ref, known.facts.published

    def _owner(self, obj: Object) -> DeploymentRef | None:
        """The deployment that an object is of, if it is there: a reference can be written by hand."""
        meta = obj["metadata"]
        for reference in meta.get("ownerReferences") or []:
            if reference.get("kind") == names.DEPLOYMENT_KIND and reference.get("controller"):
                ref = DeploymentRef(
                    cluster=self._cluster_name, namespace=meta["namespace"], name=str(reference["name"])
                )
                known = self._fleet.deployments.get(ref)
                return ref if known is not None and known.mark.uid == reference.get("uid") else None
        return None

    def _noted(self, change: ObjectChange, content: Callable[[Object], Any]) -> tuple[int | None, int | None]:
        """Digest before and now; None: it was not, or is not, there."""
        uid = change.object["metadata"]["uid"]
        before = self._known.pop(uid, None)
        if change.type == "deleted":
            return before, None
        self._known[uid] = now = _digest(content(change.object))
        return before, now


@dataclass(frozen=True)
class _WantedName:
    """What of a route matters to others who want its model name; whether it is accepted does not."""

    owner: DeploymentRef
    label: str
    content: int

    @classmethod
    def of(cls, owner: DeploymentRef, route: Object) -> _WantedName:
        label = str((route["metadata"].get("labels") or {}).get(LABEL_MODEL_NAME) or "")
        return cls(owner, label, _digest(route["spec"]))


class _Follower:
    """Hands the changes of one kind on, and says which are of its first list."""

    def __init__(
        self, cluster: Cluster, kind: Kind, label: str, handle: Callable[[ObjectChange, bool], None]
    ) -> None:
        self._handle = handle
        self.reflector = Reflector(cluster, kind, self._on_change, label_selector=label)

    def _on_change(self, change: ObjectChange) -> None:
        self._handle(change, not self.reflector.synced.is_set())


# -- what of an object counts -----------------------------------------------------------------------------


def _digest(content: Any) -> int:
    return hash(json.dumps(content, sort_keys=True))


def _admissions(gateway: Object) -> Any:
    return [one.get("allowedRoutes") for one in gateway["spec"].get("listeners") or []]


def _gateway_content(gateway: Object) -> Any:
    """All but what changes with every route: counts, and the namespaces that are let in."""
    spec = {
        **gateway["spec"],
        "listeners": [_listener(one) for one in gateway["spec"].get("listeners") or []],
    }
    status = gateway.get("status") or {}
    meta = gateway["metadata"]
    return [spec, meta.get("labels"), status.get("addresses"), _verdicts(status.get("conditions"))]


def _listener(listener: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in listener.items() if key != "allowedRoutes"}


def _route_content(route: Object) -> Any:
    parents = (route.get("status") or {}).get("parents") or []
    said = [[parent.get("parentRef"), _verdicts(parent.get("conditions"))] for parent in parents]
    return [route["spec"], route["metadata"].get("labels"), said]


def _pool_content(pool: Object) -> Any:
    parents = (pool.get("status") or {}).get("parents") or []
    return [pool["spec"], [_verdicts(parent.get("conditions")) for parent in parents]]


def _picker_content(deployment: Object) -> Any:
    return [deployment["spec"], _is_up(deployment)]


def _is_up(deployment: Object) -> bool:
    return bool((deployment.get("status") or {}).get("availableReplicas"))


def _verdicts(conditions: Any) -> list[list[Any]]:
    return sorted([entry.get("type"), entry.get("status"), entry.get("reason")] for entry in conditions or [])


def _verb(change: ObjectChange) -> str:
    return "was deleted" if change.type == "deleted" else "changed"
