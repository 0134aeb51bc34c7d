"""Activities of an installation, on the installer's queue: look, apply CRDs, install, wait, take away, mend.

Thin: each reads the plan anew, calls one part, and translates errors. All are safe to repeat. What they need
beyond a reader's rights is in `deploy/installer`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from temporalio import activity

from airunway.activities.heartbeats import heartbeats
from airunway.activities.installation.crds import CrdInstaller
from airunway.activities.installation.failures import refused, told
from airunway.activities.installation.plan import HELM_TIMEOUT, Plans, spec_of
from airunway.activities.installation.preflight import Look
from airunway.activities.installation.releases import Releases
from airunway.activities.installation.uninstall_checks import Leaving
from airunway.activities.upstream.probe import Probe
from airunway.api import names
from airunway.api.heartbeat import oldest_alive
from airunway.clients.downloads import Downloads
from airunway.clients.errors import NotFound
from airunway.clients.helm import Helm
from airunway.clients.kubernetes import CRDS, SECRETS, Cluster
from airunway.installation.crds import step_name
from airunway.installation.plan import ChartPlan
from airunway.installation.state import status_of
from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    LOOK,
    REPAIR_RELEASE,
    UNINSTALL_CHART,
    ChartAnswer,
    ChartRequest,
    InstallationRequest,
    LookAnswer,
    LookRequest,
    ReadyAnswer,
    StepRecord,
)

OPERATOR_PATIENCE = timedelta(minutes=10)
FIRST_PAUSE, MAX_PAUSE = 0.1, 3.0


class InstallationActivities:
    """The installer's activities, bound to one cluster.

    `heartbeat_limit`: silence after which a provider's worker counts as dead. `namespace`: where its locks
    and the Secrets with values are. `mirrors`: see `installation.mirrors`. `helm_timeout`: see `ReleaseSpec`.
    `patience`: how long an installed operator may take to come up.
    """

    def __init__(
        self,
        cluster: Cluster,
        helm: Helm,
        *,
        heartbeat_limit: timedelta,
        namespace: str = names.SYSTEM_NAMESPACE,
        mirrors: Mapping[str, str] | None = None,
        helm_timeout: timedelta = HELM_TIMEOUT,
        patience: timedelta = OPERATOR_PATIENCE,
    ) -> None:
        self._cluster = cluster
        self._heartbeat_limit = heartbeat_limit
        self._helm = helm
        self._namespace = namespace
        self._patience = patience
        self._plans = Plans(cluster, namespace=namespace, mirrors=mirrors or {})
        self._leaving = Leaving(cluster)
        self._look = Look(cluster, helm, self._plans, heartbeat_limit=heartbeat_limit)
        self._crds = CrdInstaller(cluster, Downloads(), mirrors or {})
        self._releases = Releases(cluster, helm, namespace=namespace, timeout=helm_timeout)
        self._probe = Probe(cluster)

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [
            self.look_at_provider,
            self.apply_crds,
            self.install_chart,
            self.uninstall_chart,
            self.repair_release,
            self.await_operator,
            self.finish_uninstall,
        ]

    @activity.defn(name=LOOK.name)
    async def look_at_provider(self, request: LookRequest) -> LookAnswer:
        """See what there is and what has to be done, and refuse what must not be done. Writes nothing."""
        with told():
            async with heartbeats():
                return await self._look(request)

    @activity.defn(name=APPLY_CRDS.name)
    async def apply_crds(self, request: ChartRequest) -> ChartAnswer:
        """Apply the CRDs that a chart needs beforehand and that are not there."""
        with told():
            async with heartbeats() as say:
                _, chart = await self._plans.chart(request)
                provider = request.request.provider
                steps = await self._crds.from_urls(chart, provider, say)
                if self._brings_crds(chart, request):
                    rendered = await self._helm.render(spec_of(chart, atomic=False))
                    steps += await self._crds.missing(rendered.crds, provider, say)
                return ChartAnswer(steps=steps, lines=say.kept)

    def _brings_crds(self, chart: ChartPlan, request: ChartRequest) -> bool:
        # Helm installs `crds/` with the first revision only, so later ones are looked after here.
        return chart.pre_install_missing_crds or (request.revision > 0 and not chart.skip_crds)

    @activity.defn(name=INSTALL_CHART.name)
    async def install_chart(self, request: ChartRequest) -> ChartAnswer:
        """Upgrade or install one chart and wait until its objects are ready."""
        with told():
            async with heartbeats() as say:
                _, chart = await self._plans.chart(request)
                return await self._releases.install(chart, request, say)

    @activity.defn(name=UNINSTALL_CHART.name)
    async def uninstall_chart(self, request: ChartRequest) -> ChartAnswer:
        """Take one chart away."""
        with told():
            async with heartbeats() as say:
                _, chart = await self._plans.chart(request)
                # Once more: it may have waited for another Helm, and deployments may have come meanwhile.
                provider = request.request.provider
                self._leaving.refuse_used(provider, await self._leaving.used(provider))
                return await self._releases.uninstall(chart, say, delete_crds=request.request.delete_crds)

    @activity.defn(name=REPAIR_RELEASE.name)
    async def repair_release(self, request: ChartRequest) -> ChartAnswer:
        """Mend a release that was left half-way."""
        with told():
            async with heartbeats() as say:
                _, chart = await self._plans.chart(request)
                return await self._releases.repair(chart, say)

    @activity.defn(name=AWAIT_OPERATOR.name)
    async def await_operator(self, request: InstallationRequest) -> ReadyAnswer:
        """Wait until the provider counts as installed: CRDs served, operator pods ready."""
        with told():
            async with heartbeats() as say:
                wanted = await self._plans.wanted(request)
                begun, pause, before = monotonic(), FIRST_PAUSE, ""
                while True:
                    facts = await self._probe.facts(wanted.metadata)
                    alive = oldest_alive(datetime.now(UTC), limit=self._heartbeat_limit)
                    status = status_of(wanted.metadata, wanted.config, facts, alive_since=alive)
                    seen = status.seen
                    if status.installed:
                        waiting = await self._probe.not_served(wanted.metadata)
                        if not waiting:
                            return ReadyAnswer(state=status.state.value, installed=True, message=seen)
                        seen = f"CRD {', '.join(waiting)} is not established"
                    if seen != before:
                        before = seen
                        say(before)
                    if monotonic() - begun > self._patience.total_seconds():
                        raise refused(
                            "OperatorNotReady",
                            f"the operator of {request.provider} is not ready after "
                            f"{self._patience.total_seconds():.0f} s: {seen}",
                        )
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, MAX_PAUSE)

    @activity.defn(name=FINISH_UNINSTALL.name)
    async def finish_uninstall(self, request: InstallationRequest) -> ChartAnswer:
        """Forget the values laid over the config's, say that the provider is not ready, delete CRDs."""
        with told():
            async with heartbeats() as say:
                with suppress(NotFound):
                    name = names.values_secret(request.provider)
                    await self._cluster.delete(SECRETS, name, namespace=self._namespace)
                await self._leaving.unready(await self._plans.wanted(request))
                steps = []
                if request.delete_crds:
                    # Once more: resources may have been made meanwhile.
                    await self._look(LookRequest(request=request))
                    wanted = await self._plans.wanted(request)
                    for crd in wanted.metadata.health.crds:
                        with suppress(NotFound):
                            await self._cluster.delete(CRDS, crd.name)
                        steps.append(StepRecord(step=f"delete-crd-{step_name(crd.name)}"))
                return ChartAnswer(steps=steps, lines=say.kept)
