"""The gateway's kinds, followed while the cluster serves them: whom a change concerns is signalled.

CRDs come and go, so what is served is asked every few seconds, by one process for the whole cluster, and
nothing is watched where there is no Gateway API. What a first list brings signals only those whose status
says something else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import structlog

from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.api import names
from airunway.api.gateway_reasons import (
    DISABLED,
    NO_CRDS,
    POOL_NOT_ALLOWED,
    POOL_NOT_FOUND,
    REFS_NOT_RESOLVED,
)
from airunway.api.status import Phase
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import Cluster, Kind, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.gateway.capabilities import pool_place
from airunway.gateway.choice import choose_gateway
from airunway.gateway.kinds import (
    GATEWAY,
    HTTP_ROUTE,
    INFERENCE_POOL,
    PICKER_KINDS,
    REFERENCE_GRANT,
    ServedKinds,
)
from airunway.gateway.listeners import admits
from airunway.gateway.naming import LABEL_PUBLISHES
from airunway.gateway.objects import granted_namespaces
from airunway.messages.refs import DeploymentRef
from airunway.workers.audit.facts import PublishedAs
from airunway.workers.audit.fleet import Fleet
from airunway.workers.gateway_contents import (
    admissions,
    digest,
    gateway_content,
    is_up,
    picker_content,
    pool_content,
    route_content,
)
from airunway.workers.gateway_names import WantedName, WantedNames

_log = structlog.get_logger(__name__)

POLL_SECONDS = 10.0
QUIET_SECONDS = 10.0
"""Without a change of who serves a name, before all who wait are told who it is now."""
TRUE = "True"
Notify = Callable[[DeploymentRef, str], None]
"""(deployment, cause): how it is published is to be looked at."""


class GatewayWatch:
    """Follows what publishes deployments. `poll_seconds`: between questions what is served.

    `configured`: namespace/name of the Gateway that the settings name; empty: the cluster's own is chosen.
    """

    def __init__(
        self,
        cluster: Cluster,
        fleet: Fleet,
        notify: Notify,
        *,
        cluster_name: str,
        configured: str = "",
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._cluster, self._fleet, self._notify = cluster, fleet, notify
        self._cluster_name, self._poll, self._configured = cluster_name, poll_seconds, configured
        self._kinds = ServedGatewayKinds(cluster)
        self._known: dict[str, int] = {}
        """Digest of each object that is followed, by uid."""
        self._names = WantedNames()
        self._told_later: dict[str, asyncio.TimerHandle] = {}
        """By label of a name: those who wait for it."""
        self._gateways: dict[str, Object] = {}
        """What decides which one is chosen, by uid."""
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
            self._names.clear()
            self._admitted.clear()
            self._gateways.clear()
            for timer in self._told_later.values():
                timer.cancel()
            self._told_later.clear()

    async def _follow(self, served: ServedKinds) -> None:
        handlers: list[tuple[Kind, str, Callable[[ObjectChange, bool], None]]] = [
            (served[GATEWAY], "", self._on_gateway),
            (served[HTTP_ROUTE], "", self._on_route),
            (served[INFERENCE_POOL], "", self._on_pool),
            *((kind, LABEL_PUBLISHES, partial(self._on_picker, kind.kind)) for kind in PICKER_KINDS),
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
        before, now = self._noted(change, gateway_content)
        gateway, meta = change.object, change.object["metadata"]
        place, verb = f"Gateway {meta['namespace']}/{meta['name']}", _verb(change)
        admitted_before = self._admitted.pop(meta["uid"], None)
        if change.type == "set":
            self._admitted[meta["uid"]] = digest(admissions(gateway))
        chosen_before = self._chosen()
        self._gateways.pop(meta["uid"], None)
        if change.type == "set":
            self._gateways[meta["uid"]] = {"metadata": meta}
        chosen = self._chosen()

        def is_used(said: PublishedAs, *defaults: str) -> bool:
            return f"{meta['namespace']}/{meta['name']}" in ({said.gateway} if said.gateway else defaults)

        if not first and self._admitted.get(meta["uid"], admitted_before) != admitted_before:
            self._tell(
                f"{place} does not admit it",
                lambda ref, said: (
                    is_used(said, chosen)
                    and said.reason == TRUE
                    and not admits(gateway, ref.namespace, labels={})
                ),
            )
        if before == now or first:
            return
        self._tell(
            f"{place} {verb}",
            lambda _, said: (
                said.reason != DISABLED
                and (is_used(said, chosen, chosen_before) or (not said.gateway and chosen != chosen_before))
            ),
        )

    def _chosen(self) -> str:
        """Namespace and name of the Gateway of all who name none; empty: there is none."""
        if self._configured:
            return self._configured
        found = choose_gateway(
            list(self._gateways.values()), configured=None, asked=None, namespace="", labels={}
        )
        return "/".join(found.place) if found.gateway is not None else ""

    def _on_route(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, route_content)
        meta = change.object["metadata"]
        cause, noted = f"HTTPRoute {meta['name']} {_verb(change)}", self._names.pop(meta["uid"])
        owner = self._owner(change.object) or (noted.owner if noted else None)
        if owner is None:
            if before != now and not first:
                self._tell(
                    cause, lambda ref, said: (ref.namespace, said.route) == (meta["namespace"], meta["name"])
                )
            return
        wanted = None
        if change.type == "set" and meta["name"] == owner.name:
            wanted = WantedName.of(owner, change.object, content=digest(change.object["spec"]))
            self._names.put(meta["uid"], wanted)
        if before == now or first:
            return
        if before is not None or change.object.get("status"):  # else the echo of our own create
            self._notify(owner, cause)
        if wanted == noted:
            return
        for other in self._names.concerned(meta["uid"], noted, wanted):
            self._notify(other, f"who wants its model name changed: {cause}")
        if noted is not None and noted.is_attached and (wanted is None or wanted.label != noted.label):
            self._tell_later(noted.label)

    def _tell_later(self, label: str) -> None:
        """Whoever had a name has it no more: all who wait for it say who has it, once that is settled."""
        if (timer := self._told_later.pop(label, None)) is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._told_later[label] = loop.call_later(QUIET_SECONDS, self._tell_waiting, label)

    def _tell_waiting(self, label: str) -> None:
        self._told_later.pop(label, None)
        for ref in self._names.waiting(label):
            self._notify(ref, "another deployment has its model name now")

    def _on_pool(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, pool_content)
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
                return self._may_be_pool_of(ref, meta["namespace"], meta["name"])
            return ref.namespace == meta["namespace"] and str(meta["name"]).startswith(ref.name)

        self._tell(cause, concerns)

    def _may_be_pool_of(self, ref: DeploymentRef, namespace: str, name: str) -> bool:
        """Whether a pool has the name that a deployment's provider gives it, with any engine."""
        provider = self._fleet.deployments[ref].facts.provider
        config = self._fleet.config_objects.get(provider) or {}
        engines = ((config.get("spec") or {}).get("capabilities") or {}).get("engines") or []
        places = [pool_place(entry.get("gateway") or {}, ref.namespace, ref.name) for entry in engines]
        return not places or any((one.namespace, one.name) == (namespace, name) for one in places)

    def _on_picker(self, kind: str, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, picker_content)
        meta = change.object["metadata"]
        owner = self._owner(change.object)
        if owner is not None and before != now and not first and (before is not None or is_up(change.object)):
            self._notify(owner, f"{kind} {meta['name']} {_verb(change)}")

    def _on_grant(self, change: ObjectChange, first: bool) -> None:
        before, now = self._noted(change, lambda grant: grant.get("spec"))
        if before != now and not first:
            permitted = granted_namespaces(change.object)
            self._tell(
                "a ReferenceGrant changed",
                lambda ref, said: (
                    said.reason in (POOL_NOT_ALLOWED, REFS_NOT_RESOLVED) and ref.namespace in permitted
                ),
            )

    # -- whom it concerns -----------------------------------------------------------------------------------

    def _tell(self, cause: str, concerns: Callable[[DeploymentRef, PublishedAs], bool]) -> None:
        for ref, said in self._running():
            if concerns(ref, said):
                self._notify(ref, cause)

    def _tell_of_missing_routes(self) -> None:
        """Of those who say that they are published: their route went while nobody watched."""
        there = self._names.owners()
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
        self._known[uid] = now = digest(content(change.object))
        return before, now


class _Follower:
    """Hands the changes of one kind on, and says which are of its first list."""

    def __init__(
        self, cluster: Cluster, kind: Kind, label: str, handle: Callable[[ObjectChange, bool], None]
    ) -> None:
        self._handle = handle
        self.reflector = Reflector(cluster, kind, self._on_change, label_selector=label)

    def _on_change(self, change: ObjectChange) -> None:
        self._handle(change, not self.reflector.synced.is_set())


def _verb(change: ObjectChange) -> str:
    return "was deleted" if change.type == "deleted" else "changed"
