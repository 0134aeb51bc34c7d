"""What is installed for a provider: what its package or an administrator says, with a person's values over
it.

The config in the cluster says that the provider is there, and how it does; it never says what is installed.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airunway.activities.installation.chart_digests import ChartDigests
from airunway.activities.installation.failures import refused
from airunway.api import names
from airunway.api.chart_release import ChartRelease
from airunway.clients.bounded_yaml import read_yaml_off_loop
from airunway.clients.helm import ReleaseRecord
from airunway.clients.kubernetes import CONFIGS, SECRETS, Cluster, Object
from airunway.installation.chart_policy import ChartPolicy, trusted_config
from airunway.installation.fields import Json
from airunway.installation.metadata import ProviderMetadata, read_metadata
from airunway.installation.plan import InstallationPlan, plan_of, wanted_version
from airunway.installation.prerequisites import PREREQUISITES, Prerequisite, prerequisite_metadata
from airunway.messages.installation import ChartRequest, InstallationRequest, Operation
from airunway.provider.contract import Provider

VALUES_KEY = "values.yaml"
Installations = Callable[[str], Json | None]
"""What an administrator wants installed for a provider; None: nothing is said. Raises ValueError."""


def no_installations(_provider: str) -> None:
    """Nobody says anything."""


class Plans:
    """Reads plans. `namespace`: where Secrets with values lie. `packages`: the providers of this
    environment."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        packages: Mapping[str, Provider],
        installations: Installations,
        policy: ChartPolicy,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._packages = packages
        self._installations = installations
        self._policy = policy
        self.digests = ChartDigests(cluster, namespace=namespace)

    async def plan(self, request: InstallationRequest) -> InstallationPlan:
        """The plan of a request. Raises failures, BadPlan and ApiError."""
        prerequisite = PREREQUISITES.get(request.provider)
        config: Object = {}  # of a prerequisite, whatever is registered under its name
        if prerequisite is not None:
            metadata = await self._prerequisite(prerequisite, request)
        else:
            config, metadata = await self._registered(request.provider)
        if not metadata.installable:
            why = f" ({'; '.join(metadata.warnings)})" if metadata.warnings else ""
            raise refused("NotInstallable", f"provider {request.provider} names no chart to install{why}")
        overrides = await self._overrides(request)
        plan = plan_of(metadata, overrides=overrides, policy=self._policy)
        plan = replace(plan, charts=await self.digests.applied_to(plan.charts))
        kept = f"the values of Secret {self._namespace}/{names.values_secret(request.provider)}"
        where = "the values that are given" if request.values_secret else kept
        return replace(plan, config=config, values_from=where if overrides else "")

    async def _prerequisite(self, known: Prerequisite, request: InstallationRequest) -> ProviderMetadata:
        if request.operation is Operation.UNINSTALL:
            raise refused(
                "SharedPrerequisite",
                f"{known.id} is not uninstalled from here: {known.why_no_uninstall}; whoever administers the "
                "cluster takes it away by hand",
            )
        return prerequisite_metadata(known, given=await self._given(known.id))

    async def _registered(self, provider: str) -> tuple[Object, ProviderMetadata]:
        config = await self._cluster.find(CONFIGS, provider)
        if config is None:
            raise refused(
                "NotRegistered",
                f"provider {provider} is not registered: there is no InferenceProviderConfig of that "
                "name; start its worker first",
            )
        metadata = await self._metadata(provider)
        if not metadata.requires_crd:
            raise refused(
                "NotInstallable",
                f"provider {provider} needs no upstream operator: it is managed by its registration",
            )
        return config, metadata

    async def _given(self, name: str) -> Json | None:
        try:
            return await asyncio.to_thread(self._installations, name)
        except ValueError as err:
            raise refused("BadInstallation", str(err)) from err

    async def _metadata(self, provider: str) -> ProviderMetadata:
        package = self._packages.get(provider)
        registration = package.registration() if package else None
        given = await self._given(provider)
        said = trusted_config(
            provider,
            given=given,
            annotations=registration.annotations if registration else None,
            spec=registration.spec if registration else None,
        )
        if said is None:
            raise refused(
                "NotInstallable",
                f"nobody who is trusted says what to install for provider {provider}: the installer has no "
                "package of it, and AIRUNWAY_PROVIDER_INSTALLATIONS does not name it; the annotations of its "
                "InferenceProviderConfig are only shown",
            )
        return read_metadata(said)

    async def chart(self, request: ChartRequest) -> ChartRelease:
        """The chart of a request, with its values; it may be gone from the config since the preflight."""
        plan = await self.plan(request.request)
        for chart in plan.charts:
            if chart.key == request.chart.key:
                return chart.planned_as(request.chart)
        raise refused(
            "BadInstallation", f"provider {plan.provider} does not name release {request.chart.key} any more"
        )

    async def _overrides(self, request: InstallationRequest) -> dict[str, Any]:
        if request.without_values:
            return {}
        own = names.values_secret(request.provider)
        name = request.values_secret or own
        if name != own and not name.startswith(f"{own}-"):
            # Whoever asks could have any Secret of this namespace read, and installed with.
            raise refused("BadInstallation", f"Secret {name} does not hold values for {request.provider}")
        secret = await self._cluster.find(SECRETS, name, namespace=self._namespace)
        if secret is None:
            if request.values_secret:
                raise refused("BadInstallation", f"Secret {self._namespace}/{name} with the values is gone")
            return {}
        try:
            text = base64.b64decode((secret.get("data") or {}).get(VALUES_KEY, "")).decode()
            documents = await read_yaml_off_loop(text or "{}")
            values = documents[0] if len(documents) == 1 else None
        except ValueError:
            values = None
        if not isinstance(values, dict):
            # Without the parser's words: they would quote the text.
            raise refused(
                "BadInstallation", f"Secret {self._namespace}/{name}: {VALUES_KEY} is not a YAML object"
            )
        return values


def with_record(chart: ChartRelease, record: ReleaseRecord | None) -> ChartRelease:
    """The chart with what Helm recorded of its release."""
    if record is None:
        return chart
    return chart.recorded(version=record.chart_version, status=record.status, revision=record.revision)


def difference(record: ReleaseRecord, chart: ChartRelease) -> str:
    """Why a deployed release is not what is wanted; empty when it is."""
    version = wanted_version(chart)
    if version and record.chart_version.removeprefix("v") != version:
        return f"version {record.chart_version} is installed, {version} is wanted"
    if _canonical(record.values) != _canonical(chart.values):
        return "it was installed with other values"
    return ""


def _canonical(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, default=str)
