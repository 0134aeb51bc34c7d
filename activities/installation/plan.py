"""What a provider's config asks for, read from the cluster: the plan with a person's values laid over it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airunway.activities.installation.failures import refused
from airunway.api import names
from airunway.api.chart_release import ChartRelease
from airunway.clients.bounded_yaml import read_yaml_off_loop
from airunway.clients.helm import ReleaseRecord
from airunway.clients.kubernetes import CONFIGS, SECRETS, Cluster
from airunway.installation.metadata import read_metadata
from airunway.installation.plan import InstallationPlan, plan_of
from airunway.messages.installation import ChartRequest, InstallationRequest

VALUES_KEY = "values.yaml"
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?")


class Plans:
    """Reads plans. `namespace`: where Secrets with values lie. `mirrors`: see `installation.mirrors`."""

    def __init__(self, cluster: Cluster, *, namespace: str, mirrors: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._mirrors = mirrors

    async def plan(self, request: InstallationRequest) -> InstallationPlan:
        """The plan of a request. Raises failures, BadPlan and ApiError."""
        config = await self._cluster.find(CONFIGS, request.provider)
        if config is None:
            raise refused(
                "NotRegistered",
                f"provider {request.provider} is not registered: there is no InferenceProviderConfig of that "
                "name; start its worker first",
            )
        metadata = read_metadata(config)
        if not metadata.requires_crd:
            raise refused(
                "NotInstallable",
                f"provider {request.provider} needs no upstream operator: it is managed by its registration",
            )
        if not metadata.charts:
            why = f" ({'; '.join(metadata.warnings)})" if metadata.warnings else ""
            raise refused("NotInstallable", f"provider {request.provider} names no chart to install{why}")
        overrides = await self._overrides(request)
        plan = plan_of(metadata, overrides=overrides, mirrors=self._mirrors)
        kept = f"the values of Secret {self._namespace}/{names.values_secret(request.provider)}"
        where = "the values that are given" if request.values_secret else kept
        return replace(plan, config=config, values_from=where if overrides else "")

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
        name = request.values_secret or names.values_secret(request.provider)
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


def wanted_version(chart: ChartRelease) -> str:
    """The chart's version, where the config pins it: in so many words, or in the name of an archive."""
    if _EXACT.fullmatch(chart.version):
        return chart.version.removeprefix("v")
    archive = chart.chart.rpartition("/")[2]
    match = re.fullmatch(r".*?-v?(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?)\.tgz", archive)
    return match[1] if match else ""


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
