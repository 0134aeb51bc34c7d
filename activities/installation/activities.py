"""Activities of an installation, on the installer's queue: preflight, CRDs, install, wait, uninstall, repair.

Thin: each reads the plan again, calls one part, and translates errors. All are safe to repeat. What they need
beyond a reader's rights is in `deploy/installer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from airunway.activities.installation.crd_files import CrdFiles
from airunway.activities.installation.crds import CrdInstaller
from airunway.activities.installation.failures import translated
from airunway.activities.installation.heartbeats import heartbeats
from airunway.activities.installation.operator_wait import await_operator
from airunway.activities.installation.plan import Installations, Plans, no_installations
from airunway.activities.installation.preflight import Preflight
from airunway.activities.installation.probe import InstallationProbe
from airunway.activities.installation.releases import Releases
from airunway.activities.installation.uninstall_checks import UninstallChecks
from airunway.activities.step import implements
from airunway.api import names
from airunway.api.chart_release import ChartRelease
from airunway.clients.downloads import Downloads
from airunway.clients.errors import NotFound
from airunway.clients.guarded_http import GuardedHttp
from airunway.clients.helm import Helm
from airunway.clients.kubernetes import CRDS, SECRETS, Cluster
from airunway.installation.chart_policy import ChartPolicy
from airunway.installation.crds import step_name
from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    REPAIR_RELEASE,
    UNINSTALL_CHART,
    ChartAnswer,
    ChartRequest,
    InstallationRequest,
    PreflightAnswer,
    PreflightRequest,
    ReadyAnswer,
    StepRecord,
)
from airunway.provider.contract import Provider

OPERATOR_PATIENCE = timedelta(minutes=10)


class InstallationActivities:
    """The installer's activities, bound to one cluster.

    `heartbeat_limit`: silence after which a provider's worker counts as dead. `namespace`: where its locks
    and the Secrets with values are. `packages`: the providers that may say what is installed for them;
    `installations`: what an administrator says, which counts more. `http`: for files of CRDs. `patience`: how
    long an installed operator may take to come up.
    """

    def __init__(
        self,
        cluster: Cluster,
        helm: Helm,
        *,
        heartbeat_limit: timedelta,
        namespace: str = names.INSTALLER_NAMESPACE,
        packages: Mapping[str, Provider] | None = None,
        installations: Installations = no_installations,
        policy: ChartPolicy | None = None,
        http: GuardedHttp | None = None,
        patience: timedelta = OPERATOR_PATIENCE,
    ) -> None:
        self._cluster = cluster
        self._helm = helm
        self._namespace = namespace
        self._patience = patience
        policy = policy or ChartPolicy()
        self._plans = Plans(
            cluster,
            namespace=namespace,
            packages={} if packages is None else packages,
            installations=installations,
            policy=policy,
        )
        self._uninstall_checks = UninstallChecks(cluster)
        self._probe = InstallationProbe(cluster, heartbeat_limit=heartbeat_limit)
        downloads = Downloads(http or GuardedHttp())
        self._crd_files = CrdFiles(cluster, downloads, self._plans.digests)
        self._preflight = Preflight(cluster, helm, self._plans, self._probe, self._crd_files)
        self._crds = CrdInstaller(cluster, downloads, policy.mirrors)
        self._releases = Releases(cluster, helm, namespace=namespace, digests=self._plans.digests)

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [
            self.preflight_provider,
            self.apply_crds,
            self.install_chart,
            self.uninstall_chart,
            self.repair_release,
            self.await_operator,
            self.finish_uninstall,
        ]

    @implements(PREFLIGHT, errors=translated)
    async def preflight_provider(self, request: PreflightRequest) -> PreflightAnswer:
        """See what there is and what has to be done, and refuse what must not be done. Writes nothing."""
        async with heartbeats():
            return await self._preflight(request)

    @implements(APPLY_CRDS, errors=translated)
    async def apply_crds(self, request: ChartRequest) -> ChartAnswer:
        """Apply the CRDs that a chart needs beforehand and that are not there."""
        async with heartbeats() as say:
            chart, provider = await self._plans.chart(request), request.request.provider
            if chart.is_crd_file:
                return await self._crd_files.apply(chart, provider, say)
            steps = await self._crds.from_urls(chart, provider, say)
            if _brings_crds(chart):
                with self._plans.digests.explained(chart):
                    rendered = await self._helm.render(chart)
                steps += await self._crds.missing(rendered.crds, provider, say)
            return ChartAnswer(steps=steps, lines=say.kept)

    @implements(INSTALL_CHART, errors=translated)
    async def install_chart(self, request: ChartRequest) -> ChartAnswer:
        """Upgrade or install one chart and wait until its objects are ready."""
        async with heartbeats() as say:
            return await self._releases.install(await self._plans.chart(request), say)

    @implements(UNINSTALL_CHART, errors=translated)
    async def uninstall_chart(self, request: ChartRequest) -> ChartAnswer:
        """Take one chart away."""
        async with heartbeats() as say:
            chart, provider = await self._plans.chart(request), request.request.provider
            # Once more: it may have waited for another Helm, and deployments may have come meanwhile.
            self._uninstall_checks.refuse_used(provider, await self._uninstall_checks.used(provider))
            return await self._releases.uninstall(chart, say, delete_crds=request.request.delete_crds)

    @implements(REPAIR_RELEASE, errors=translated)
    async def repair_release(self, request: ChartRequest) -> ChartAnswer:
        """Repair a release that was left half-way."""
        async with heartbeats() as say:
            return await self._releases.repair(await self._plans.chart(request), say)

    @implements(AWAIT_OPERATOR, errors=translated)
    async def await_operator(self, request: InstallationRequest) -> ReadyAnswer:
        """Wait until the provider counts as installed."""
        async with heartbeats() as say:
            plan = await self._plans.plan(request)
            return await await_operator(self._probe, plan, patience=self._patience, say=say)

    @implements(FINISH_UNINSTALL, errors=translated)
    async def finish_uninstall(self, request: InstallationRequest) -> ChartAnswer:
        """Forget the values laid over the config's, say that the provider is not ready, delete CRDs."""
        async with heartbeats() as say:
            plan = await self._plans.plan(request)
            with suppress(NotFound):
                name = names.values_secret(request.provider)
                await self._cluster.delete(SECRETS, name, namespace=self._namespace)
            await self._uninstall_checks.unready(plan)
            steps = await self._delete_crds(request) if request.delete_crds else []
            return ChartAnswer(steps=steps, lines=say.kept)

    async def _delete_crds(self, request: InstallationRequest) -> list[StepRecord]:
        # Once more: resources may have been made meanwhile.
        await self._preflight(PreflightRequest(request=request))
        plan, steps = await self._plans.plan(request), []
        for crd in plan.metadata.health.crds:
            with suppress(NotFound):
                await self._cluster.delete(CRDS, crd.name)
            steps.append(StepRecord(step=f"delete-crd-{step_name(crd.name)}"))
        return steps


def _brings_crds(chart: ChartRelease) -> bool:
    # Helm installs `crds/` with the first revision only, so later ones are looked after here.
    return chart.pre_install_missing_crds or (chart.revision > 0 and not chart.skip_crds)
