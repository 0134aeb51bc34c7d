"""What an uninstall would break or take along: found, shown, and refused where it must be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from airunway.activities.installation.failures import refused
from airunway.activities.installation.operators import Operator, Probe
from airunway.api import names
from airunway.api.chart_release import ChartRelease
from airunway.api.conditions import completed, condition, conditions_of, find_condition
from airunway.clients.errors import Forbidden, NotFound
from airunway.clients.helm import ReleaseRecord
from airunway.clients.kubernetes import CONFIGS, CRDS, DEPLOYMENTS, Cluster, Object, Resource
from airunway.installation.crds import name_of
from airunway.installation.guards import goes_with_the_release, kind_of, listed, uses
from airunway.installation.plan import InstallationPlan
from airunway.installation.state import CONTROLLER_MISSING, UPSTREAM_READY

PAGE_SIZE = 500
MAX_NAMED = 100
"""Of each kind: an answer is kept in a history."""


class UninstallChecks:
    """Inspects what hangs on a provider's operator."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._probe = Probe(cluster)

    async def used(self, provider: str) -> list[str]:
        """The ModelDeployments that use a provider."""
        deployments = (await self._cluster.listing(DEPLOYMENTS, limit=PAGE_SIZE)).items
        return _some(uses(deployments, provider))

    async def lost_with(
        self, plan: InstallationPlan, records: Sequence[ReleaseRecord | None], *, delete_crds: bool
    ) -> list[str]:
        """CRDs that Helm would delete with the releases (all of the provider's, if asked), and instances."""
        crds: dict[str, Mapping[str, Any]] = {}
        for record in filter(None, records):
            documents = await asyncio.to_thread(record.read_documents)
            crds |= {name_of(crd): crd for crd in goes_with_the_release(documents)}
        if delete_crds:
            names = [probe.name for probe in plan.metadata.health.crds if probe.name not in crds]
            live = await asyncio.gather(*(self._cluster.find(CRDS, name) for name in names))
            crds |= {name_of(obj): obj for obj in live if obj is not None}
        found: list[str] = []
        for name, crd in sorted(crds.items()):
            found += [name, *(await self._instances(crd))]
        return found

    def refuse_used(self, provider: str, used: list[str]) -> None:
        """Raise a failure when a provider is in use."""
        if used:
            raise refused(
                "ProviderInUse",
                f"ModelDeployments use provider {provider}: {listed(used)}; delete them first",
            )

    def refuse_lost(self, lost: list[str]) -> None:
        """Raise a failure when custom resources are among what would be deleted."""
        if any("/" in entry for entry in lost):
            raise refused(
                "ResourcesInUse",
                f"with the CRDs these would be deleted: {listed(lost)}; delete the "
                "resources yourself first, or keep the CRDs",
            )

    async def unready(self, plan: InstallationPlan) -> None:
        """Say in the config that the provider takes no new deployments, unless an operator is left.

        Its worker finds the same with its next heartbeat, and until then it would be chosen.
        """
        if not (plan.config.get("status") or {}).get("ready"):
            return
        if external_among(await self._probe.operators(plan.metadata), plan.charts):
            return
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.CONFIG_KIND,
            "metadata": {"name": plan.metadata.id},
            "status": {"ready": False, "conditions": _without_operator(plan.config)},
        }
        with suppress(Forbidden, NotFound):  # the worker says it soon
            await self._cluster.apply(
                CONFIGS, body, field_manager=names.INSTALLER_FIELD_MANAGER, subresource="status"
            )

    async def _instances(self, crd: Mapping[str, Any]) -> list[str]:
        kind = kind_of(crd)
        if kind is None:
            return []
        resource = Resource(f"{kind.group}/{kind.version}", kind.plural)
        try:
            items = (await self._cluster.listing(resource, limit=PAGE_SIZE)).items
        except NotFound:
            return []
        return _some([f"{kind.kind} {_place(obj)}" for obj in items])


def _without_operator(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The condition that a worker writes of its operator, if it does."""
    before = conditions_of(config)
    if find_condition(before, UPSTREAM_READY) is None:
        return []
    gone = condition(UPSTREAM_READY, "False", CONTROLLER_MISSING, "its operator was uninstalled")
    return [completed(gone, before, now=datetime.now(UTC)).dump()]


def external_among(operators: Sequence[Operator], charts: Sequence[ChartRelease]) -> list[Operator]:
    """The operators that none of the charts' releases brought."""
    ours = {(chart.namespace, chart.release) for chart in charts}
    return [operator for operator in operators if operator.release not in ours]


def _some(entries: list[str]) -> list[str]:
    more = len(entries) - MAX_NAMED
    return [*entries[:MAX_NAMED], f"and {more} more"] if more > 0 else entries


def _place(obj: Object) -> str:
    meta = obj["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"
