"""What of the cluster decides how one deployment is published. Reads only."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from airunway.activities.deployment.configs import ProviderConfigs
from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import ApiFormat
from airunway.clients.coalescing import Coalesced
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, DEPLOYMENTS, NAMESPACES, PODS, Cluster, Object
from airunway.clients.model_names import SERVICE_URL, served_model_name
from airunway.gateway.capabilities import GatewayRoles, PoolPlace, roles_of
from airunway.gateway.choice import GatewayChoice, WantedGateway, choose_gateway
from airunway.gateway.kinds import (
    DESTINATION_RULE,
    GATEWAY,
    HTTP_ROUTE,
    INFERENCE_POOL,
    REFERENCE_GRANT,
    SERVICE,
    ServedKinds,
)
from airunway.gateway.listeners import needs_labels
from airunway.gateway.model_names import given_model_name, holds, owner_uid, wants
from airunway.gateway.naming import LABEL_MODEL_NAME, model_name_label, model_name_problem, picker_name
from airunway.gateway.objects import picker_of
from airunway.gateway.ports import pod_selector, service_port
from airunway.messages.gateway import GatewayRequest, ProbedModelName

MAX_PODS = 50
"""Of one pool that are looked at: one that is ready is enough."""
PROBES_AT_ONCE, PROBES_OF_A_NAMESPACE = 16, 4
"""Servers that are asked at a time: whose do not answer hold up nobody else's."""
PROBE_AGAIN = timedelta(minutes=1)
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

Ask = Callable[[str, str, int], Awaitable[str]]
"""(service, namespace, port): what the server calls its model; empty when it does not say."""


@dataclass(frozen=True, kw_only=True)
class GatewayOptions:
    """The settings. `configured`: the Gateway of all deployments. `opens`: listeners may be opened.
    `service_url`: where Services answer."""

    configured: WantedGateway | None = None
    picker_image: str = ""
    opens: bool = True
    request_timeout: str = "300s"
    service_url: str = SERVICE_URL
    impersonate: str = ""


@dataclass(kw_only=True)
class GatewayFacts:
    """What was found; everything behind the choice is empty where there is no Gateway."""

    deployment: ModelDeployment
    served: ServedKinds
    roles: GatewayRoles
    gateways: Sequence[Object]
    labels: Mapping[str, str]
    choice: GatewayChoice
    place: PoolPlace
    is_own_pool: bool
    service: Object | None = None
    pool: Object | None = None
    pods: Sequence[Object] = ()
    picker_service: Object | None = None
    picker_pods: Sequence[Object] = ()
    """The endpoint picker of a pool that is made elsewhere."""
    grants: Sequence[Object] = ()
    pools_rule: Object | None = None
    """The DestinationRule of the picker of a pool in another namespace."""
    rivals: Sequence[Object] = ()
    """Routes that want the same name, its own too; of deployments that are there and can want it."""
    name_holders: Collection[str] = ()
    """Uids of the deployments whose status says that they have the name."""
    own_route: Object | None = None
    old_backend: Object | None = None
    """The pool that the live route leads to, if it is another one and still there."""
    picker_is_ready: bool = True
    """Of a pool that is made here, where the live route leads to another one."""
    user_route: Object | None = None
    model_name: str = ""
    probed: ProbedModelName | None = None
    api_formats: Sequence[ApiFormat] = ()
    """Of the engine, as its provider offers it."""

    @property
    def is_pool_of_user(self) -> bool:
        """Whether `spec.gateway.poolRef` says which pool it is."""
        return not self.is_own_pool and self.roles.provider_pool != self.place

    @property
    def user_route_name(self) -> str:
        """`spec.gateway.httpRouteRef`; empty: the route is ours."""
        gateway = self.deployment.spec.gateway
        return (gateway.http_route_ref or "") if gateway else ""


class GatewayFactsReader:
    """Reads for one cluster; deployments that ask at the same time share lists."""

    def __init__(self, cluster: Cluster, options: GatewayOptions, *, ask: Ask | None = None) -> None:
        self._cluster, self._options = cluster, options
        self._ask = ask or partial(served_model_name, service_url=options.service_url)
        self._configs = ProviderConfigs(cluster)
        self._served: ServedKinds | None = None
        self._gateways = Coalesced(self._list_gateways)
        self._probes: Counter[str] = Counter()
        """How many servers of each namespace are being asked."""

    async def gateways(self, served: ServedKinds) -> Sequence[Object]:
        """All Gateways. Raises ApiError."""
        self._served = served
        return await self._gateways()

    async def choice(self, deployment: ModelDeployment, served: ServedKinds) -> GatewayChoice:
        """Behind which Gateway a deployment is published. Raises ApiError."""
        gateways = await self.gateways(served)
        labels = await self._labels(deployment.namespace, gateways)
        return self._choice(deployment, gateways, labels)

    def _choice(
        self, deployment: ModelDeployment, gateways: Sequence[Object], labels: Mapping[str, str]
    ) -> GatewayChoice:
        return choose_gateway(
            gateways,
            configured=self._options.configured,
            asked=_asked(deployment),
            namespace=deployment.namespace,
            labels=labels,
        )

    async def _list_gateways(self) -> Sequence[Object]:
        served = self._served
        if served is None or GATEWAY not in served.kinds:
            return []
        try:
            return (await self._cluster.listing(served[GATEWAY])).items
        except NotFound:
            return []

    async def read(
        self, deployment: ModelDeployment, request: GatewayRequest, served: ServedKinds
    ) -> GatewayFacts:
        """Everything for one deployment. Raises ApiError."""
        namespace, name = deployment.namespace, deployment.name
        gateways, listed = await asyncio.gather(self.gateways(served), self._configs.read())
        config = next((one for one, _ in listed if one.name == request.provider), None)
        roles = roles_of(config, engine=request.engine, namespace=namespace, name=name)
        labels = await self._labels(namespace, gateways)
        choice = self._choice(deployment, gateways, labels)
        given = deployment.spec.gateway.pool_ref if deployment.spec.gateway else None
        own = PoolPlace(namespace=namespace, name=name)
        place = roles.provider_pool or own
        if given is not None:
            place = PoolPlace(namespace=given.namespace or namespace, name=given.name)
        facts = GatewayFacts(
            deployment=deployment,
            served=served,
            roles=roles,
            gateways=gateways,
            labels=labels,
            choice=choice,
            place=place,
            is_own_pool=given is None and roles.provider_pool is None,
        )
        offered = config.engine(request.engine) if config is not None else None
        facts.api_formats = (offered.api_formats if offered is not None else None) or ()
        if choice.gateway is not None:
            await self._read_parts(facts, request)
        else:
            await self._read_left(facts)
        return facts

    async def _read_left(self, facts: GatewayFacts) -> None:
        """Without a Gateway: what the route, which stays, leads to."""
        namespace, name = facts.deployment.namespace, facts.deployment.name
        facts.own_route = await self._find(facts.served[HTTP_ROUTE], name, namespace)
        if facts.own_route is None or not facts.is_own_pool:
            return
        status = facts.deployment.status
        service = (status.endpoint.service if status and status.endpoint else None) or ""
        facts.service, facts.pool = await asyncio.gather(
            self._find(SERVICE, service, namespace), self._find(facts.served[INFERENCE_POOL], name, namespace)
        )
        if facts.pool is None:
            await self._list_pods(facts)

    async def _read_parts(self, facts: GatewayFacts, request: GatewayRequest) -> None:
        cluster, namespace, name = self._cluster, facts.deployment.namespace, facts.deployment.name
        served = facts.served
        status = facts.deployment.status
        service = (status.endpoint.service if status and status.endpoint else None) or ""
        facts.service, facts.pool, facts.own_route = await asyncio.gather(
            self._find(SERVICE, service, namespace),
            cluster.find(served[INFERENCE_POOL], facts.place.name, namespace=facts.place.namespace),
            cluster.find(served[HTTP_ROUTE], name, namespace=namespace),
        )
        if facts.user_route_name:
            facts.user_route = await self._find(served[HTTP_ROUTE], facts.user_route_name, namespace)
        if facts.place.namespace != namespace and REFERENCE_GRANT in served.kinds:
            grants = await cluster.listing(served[REFERENCE_GRANT], namespace=facts.place.namespace)
            facts.grants = grants.items
        if facts.place.namespace != namespace and (rules := served.get(DESTINATION_RULE)) is not None:
            facts.pools_rule = await self._find(rules, picker_of(facts.pool or {}), facts.place.namespace)
        facts.old_backend = await self._old_backend(facts)
        await self._name(facts, request, service)
        await self._list_pods(facts)
        if not facts.is_own_pool:
            await self._read_picker(facts)
        if facts.model_name and not facts.user_route_name:
            await self._list_rivals(facts)

    async def _list_rivals(self, facts: GatewayFacts) -> None:
        """A route can be labelled and owned by hand, so its deployment is looked at where there is another.

        By namespace, so that as many forged routes as anybody likes cost one request.
        """
        own, wanted = facts.deployment, facts.model_name
        selector = f"{LABEL_MODEL_NAME}={model_name_label(facts.choice.place, wanted)}"
        listing = await self._cluster.listing(facts.served[HTTP_ROUTE], label_selector=selector)
        routes = [one for one in listing.items if owner_uid(one)]
        if all(owner_uid(one) == own.metadata.uid for one in routes):
            return
        spaces = sorted({one["metadata"]["namespace"] for one in routes} | {own.namespace})
        found = [
            one
            for namespace in spaces
            for one in (await self._cluster.listing(DEPLOYMENTS, namespace=namespace)).items
        ]
        by_place = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in found}
        facts.rivals = [
            route
            for route in routes
            if (of := by_place.get((route["metadata"]["namespace"], route["metadata"]["name"]))) is not None
            and wants(of, route, wanted)
        ]
        facts.name_holders = {one["metadata"]["uid"] for one in found if holds(one, wanted)}

    async def _find(self, kind: Any, name: str, namespace: str) -> Object | None:
        return await self._cluster.find(kind, name, namespace=namespace) if name else None

    async def _labels(self, namespace: str, gateways: Sequence[Object]) -> Mapping[str, str]:
        """Of the Namespace, where a listener asks for others than its name."""
        others = [one for one in gateways if one["metadata"]["namespace"] != namespace]
        if not any(map(needs_labels, others)):
            return {}
        found = await self._cluster.find(NAMESPACES, namespace)
        return dict((found or {"metadata": {}})["metadata"].get("labels") or {})

    async def _old_backend(self, facts: GatewayFacts) -> Object | None:
        rules = ((facts.own_route or {}).get("spec") or {}).get("rules") or []
        backend = next((ref for rule in rules for ref in rule.get("backendRefs") or []), None)
        if backend is None:
            return None
        namespace = backend.get("namespace") or facts.deployment.namespace
        if (namespace, backend.get("name")) == (facts.place.namespace, facts.place.name):
            return None
        served, own = facts.served, facts.deployment
        old = await self._cluster.find(
            served[INFERENCE_POOL], str(backend.get("name")), namespace=str(namespace)
        )
        if old is not None and facts.is_own_pool:
            picker = await self._cluster.find(
                APPS_DEPLOYMENTS, picker_name(own.name), namespace=own.namespace
            )
            facts.picker_is_ready = bool(((picker or {}).get("status") or {}).get("availableReplicas"))
        return old

    async def _list_pods(self, facts: GatewayFacts) -> None:
        """Those that the pool selects, a page of them."""
        selector = pod_selector(facts.service)
        if not facts.is_own_pool:
            spec = (facts.pool or {}).get("spec") or {}
            selector = dict((spec.get("selector") or {}).get("matchLabels") or {})
        facts.pods = await self._pods(selector, facts.place.namespace)

    async def _read_picker(self, facts: GatewayFacts) -> None:
        space = facts.place.namespace
        facts.picker_service = await self._find(SERVICE, picker_of(facts.pool or {}), space)
        facts.picker_pods = await self._pods(pod_selector(facts.picker_service), space)

    async def _pods(self, selector: Mapping[str, str], namespace: str) -> Sequence[Object]:
        if not selector or not all(_VALUE.fullmatch(str(value)) for value in selector.values()):
            return []
        text = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        pages = self._cluster.pages(PODS, namespace=namespace, label_selector=text, limit=MAX_PODS)
        async for page in pages:
            return page.items
        return []

    # -- the model name -------------------------------------------------------------------------------------

    async def _name(self, facts: GatewayFacts, request: GatewayRequest, service: str) -> None:
        ignores = facts.roles.ignores_served_name
        facts.model_name = given_model_name(facts.deployment, ignores_served_name=ignores)
        facts.probed = request.probed
        if facts.model_name:
            return
        facts.probed = await self._probed(facts, request, service)
        facts.model_name = (facts.probed.name if facts.probed else "") or facts.deployment.spec.model.id or ""

    async def _probed(
        self, facts: GatewayFacts, request: GatewayRequest, service: str
    ) -> ProbedModelName | None:
        """What was found out for this generation stands, so that a server that stutters changes no route."""
        if facts.service is None or not _may_be_asked(facts.service):
            return request.probed
        key = f"{request.generation}/{facts.service['metadata']['uid']}"
        known, now = request.probed, datetime.now(UTC)
        if known is not None and known.key == key and (known.name or now - known.at < PROBE_AGAIN):
            return known
        namespace = facts.deployment.namespace
        if self._probes.total() >= PROBES_AT_ONCE or self._probes[namespace] >= PROBES_OF_A_NAMESPACE:
            return known  # others wait for servers that do not answer; the id does meanwhile
        self._probes[namespace] += 1
        try:
            found = await self._ask(service, namespace, service_port(facts.service, reported=None))
        finally:
            self._probes[namespace] -= 1
            self._probes += Counter()  # without those that are at none
        return ProbedModelName(key=key, name="" if model_name_problem(found) else found, at=now)


def _may_be_asked(service: Object) -> bool:
    """Whether a Service leads to pods beside it: not to a name outside, nor to addresses by hand."""
    spec = service.get("spec") or {}
    return spec.get("type", "ClusterIP") != "ExternalName" and bool(spec.get("selector"))


def _asked(deployment: ModelDeployment) -> WantedGateway | None:
    ref = deployment.spec.gateway.gateway_ref if deployment.spec.gateway else None
    if ref is None:
        return None
    return WantedGateway(
        namespace=ref.namespace or deployment.namespace, name=ref.name, section=ref.section_name or ""
    )
