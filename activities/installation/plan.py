"""What a provider's config asks for, read from the cluster: the plan with a person's values laid over it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml

from airunway.activities.installation.failures import refused
from airunway.api import names
from airunway.clients.helm import ChartRef, ReleaseSpec
from airunway.clients.helm.records import ReleaseRecord
from airunway.clients.kubernetes import CONFIGS, SECRETS, Cluster, Object
from airunway.installation.metadata import ProviderMetadata, read_metadata
from airunway.installation.plan import ChartPlan, Plan, plan_of
from airunway.messages.installation import ChartRequest, InstallationRequest

VALUES_KEY = "values.yaml"
HELM_TIMEOUT = timedelta(minutes=5)
"""For each thing Helm waits for (install.md §A6)."""
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A provider's config, what it says, and the plan."""

    config: Object
    metadata: ProviderMetadata
    plan: Plan
    values_from: str = ""
    """Where the values are that lie over the config's, in words; empty: there are none."""


class Plans:
    """Reads plans. `namespace`: where Secrets with values lie. `mirrors`: see `installation.mirrors`."""

    def __init__(self, cluster: Cluster, *, namespace: str, mirrors: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._mirrors = mirrors

    async def wanted(self, request: InstallationRequest) -> Wanted:
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
        return Wanted(config=config, metadata=metadata, plan=plan, values_from=where if overrides else "")

    async def chart(self, request: ChartRequest) -> tuple[Wanted, ChartPlan]:
        """One chart of the plan; it may be gone from the config since the request was made."""
        wanted = await self.wanted(request.request)
        for chart in wanted.plan.charts:
            if (chart.namespace, chart.release) == (request.namespace, request.release):
                return wanted, chart
        raise refused(
            "BadInstallation",
            f"provider {wanted.plan.provider} does not name release {request.namespace}/{request.release} "
            "any more",
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
            values = yaml.safe_load(text or "{}")
        except (ValueError, yaml.YAMLError):
            values = None
        if not isinstance(values, dict):
            # Without the parser's words: they would quote the text.
            raise refused(
                "BadInstallation", f"Secret {self._namespace}/{name}: {VALUES_KEY} is not a YAML object"
            )
        return values


def spec_of(chart: ChartPlan, *, atomic: bool, timeout: timedelta = HELM_TIMEOUT) -> ReleaseSpec:
    """A chart for Helm."""
    return ReleaseSpec(
        name=chart.release,
        namespace=chart.namespace,
        chart=ChartRef(chart=chart.chart, repository_url=chart.repository_url, version=chart.version),
        values=chart.values,
        create_namespace=chart.create_namespace,
        skip_crds=chart.skip_crds,
        timeout=timeout,
        atomic=atomic,
    )


def wanted_version(chart: ChartPlan) -> str:
    """The chart's version, where the config pins it: in so many words, or in the name of an archive."""
    if _EXACT.fullmatch(chart.version):
        return chart.version.removeprefix("v")
    archive = chart.declared.rpartition("/")[2]
    match = re.fullmatch(r".*?-v?(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?)\.tgz", archive)
    return match[1] if match else ""


def difference(record: ReleaseRecord, chart: ChartPlan) -> str:
    """Why a deployed release is not what is wanted; empty when it is."""
    version = wanted_version(chart)
    if version and record.chart_version.removeprefix("v") != version:
        return f"version {record.chart_version} is installed, {version} is wanted"
    if _canonical(record.values) != _canonical(chart.values):
        return "it was installed with other values"
    return ""


def _canonical(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, default=str)
