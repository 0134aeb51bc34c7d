"""`airunway providers list` and `show`: what the configs say, and what the cluster shows of operators."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from airunway.activities.installation.operators import Operator, Probe
from airunway.api.heartbeat import oldest_alive
from airunway.cli.cluster import settings_for
from airunway.cli.formats import OutputFormat
from airunway.cli.output import console, data, facts, line, plain_table
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.clients.errors import ApiError, ClientError, NotFound
from airunway.clients.helm.records import latest_record
from airunway.clients.kubernetes import CONFIGS, CRDS, Cluster, Object
from airunway.console.provider_metadata import metadata_of
from airunway.console.rows import provider_resource
from airunway.installation.commands import commands_of
from airunway.installation.crd_files import version_of
from airunway.installation.metadata import ProviderMetadata
from airunway.installation.plan import BadPlan, plan_of
from airunway.installation.prerequisites import PREREQUISITES, Prerequisite, prerequisite_metadata
from airunway.installation.state import InstallationStatus, State, status_of
from airunway.provider.registry import installed_providers
from airunway.workers.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ProviderRow:
    """A provider as it is shown."""

    metadata: ProviderMetadata
    status: InstallationStatus
    config: Object
    versions: dict[str, str] = field(default_factory=dict)
    """Release (namespace/name) to its chart's version and status."""
    operators: Sequence[Operator] = ()


async def report_all(*, form: OutputFormat, where: Where) -> None:
    """The table of all providers."""
    settings = settings_for(where)
    async with await _connect(settings) as cluster:
        configs = (await cluster.listing(CONFIGS)).items
        shared = (prerequisite_row(cluster, known, settings) for known in PREREQUISITES.values())
        rows = await asyncio.gather(*(provider_row(cluster, config, settings) for config in configs))
        prerequisites = await asyncio.gather(*shared) if form.is_table else []
    known = {row.metadata.id for row in rows}
    absent = sorted(set(installed_providers()) - known)
    if not form.is_table:
        resources = [provider_resource(row.metadata.id) for row in rows]
        data([_json(row) for row in rows] + [_absent(name) for name in absent], form, names=resources)
        return
    table = plain_table("NAME", "REGISTERED", "READY", "UPSTREAM", "VERSION", "STATE", "MESSAGE")
    for row in rows:
        table.add_row(
            row.metadata.id,
            "yes",
            "yes" if row.status.ready else "no",
            _upstream(row),
            ", ".join(row.versions.values()) or "-",
            row.status.state.value,
            row.status.message,
        )
    for name in absent:
        table.add_row(name, "no", "no", "-", "-", State.NOT_REGISTERED.value, _NOT_REGISTERED)
    console().print(table)
    _print_prerequisites(prerequisites)


async def report_one(name: str, *, form: OutputFormat, where: Where) -> None:
    """One provider in full, or a shared prerequisite."""
    settings = settings_for(where)
    async with await _connect(settings) as cluster:
        if name in PREREQUISITES:
            _show_prerequisite(await prerequisite_row(cluster, PREREQUISITES[name], settings), form)
            return
        try:
            config = await cluster.get(CONFIGS, name)
        except NotFound as err:
            if "not found" in str(err) and name in str(err):
                raise CliError(f"provider {name} is not registered: {_NOT_REGISTERED}") from err
            raise
        row = await provider_row(cluster, config, settings)
    if not form.is_table:
        data(_json(row), form, names=[provider_resource(name)])
        return
    _print_one(row)


_NOT_REGISTERED = "there is no InferenceProviderConfig of that name; does its worker run?"


# -- reading -------------------------------------------------------------------------------------------


async def _connect(settings: Settings) -> Cluster:
    return await Cluster.connect(settings.kubeconfig, context=settings.context)


async def provider_row(cluster: Cluster, config: Object, settings: Settings) -> ProviderRow:
    """What is seen of one provider. Raises ApiError."""
    return await _row(cluster, metadata_of(config), config, settings)


async def prerequisite_row(cluster: Cluster, known: Prerequisite, settings: Settings) -> ProviderRow:
    """The same of a shared prerequisite, whatever is registered under its name."""
    return await _row(cluster, prerequisite_metadata(known), {}, settings)


async def _row(
    cluster: Cluster, metadata: ProviderMetadata, config: Object, settings: Settings
) -> ProviderRow:
    probe = Probe(cluster)
    seen, versions, operators = await asyncio.gather(
        probe.facts(metadata), _versions(cluster, metadata), _operators(probe, metadata)
    )
    alive = oldest_alive(datetime.now(UTC), limit=settings.heartbeat_limit)
    status = status_of(metadata, config, seen, alive_since=alive)
    return ProviderRow(
        metadata=metadata, status=status, config=config, versions=versions, operators=operators
    )


async def _versions(cluster: Cluster, metadata: ProviderMetadata) -> dict[str, str]:
    found = {}
    for chart in metadata.charts if metadata.requires_crd else ():
        try:
            record = await latest_record(cluster, chart.release, namespace=chart.namespace)
        except ClientError:
            continue  # reading Secrets is not for everybody
        if record is not None:
            words = record.chart_version
            if record.status != "deployed":
                words += f" ({record.status})"
            found[f"{chart.namespace}/{chart.release}"] = words
    for file in metadata.crd_files:
        try:
            live = await cluster.find(CRDS, file.crds[0])
        except ClientError:
            continue
        if live is not None:
            found[file.name] = version_of(live, file.version_annotation) or "of an unknown version"
    return found


async def _operators(probe: Probe, metadata: ProviderMetadata) -> Sequence[Operator]:
    if not metadata.requires_crd:
        return ()
    try:
        return await probe.operators(metadata)
    except ApiError:
        return ()


def _upstream(row: ProviderRow) -> str:
    if not row.metadata.requires_crd:
        return "not needed"
    if row.status.state is State.PROBE_ERROR:
        return "unknown"
    return "installed" if row.status.installed else "not installed"


# -- showing -------------------------------------------------------------------------------------------


def _print_prerequisites(rows: Sequence[ProviderRow]) -> None:
    table = plain_table("SHARED PREREQUISITE", "UPSTREAM", "VERSION", "STATE", "MESSAGE")
    for row in rows:
        versions = ", ".join(row.versions.values()) or "-"
        status = row.status
        table.add_row(row.metadata.id, _upstream(row), versions, status.state.value, status.message)
    line()
    console().print(table)


def _show_prerequisite(row: ProviderRow, form: OutputFormat) -> None:
    metadata, status = row.metadata, row.status
    if not form.is_table:
        of_providers = ("registered", "ready", "stale", "version", "capabilities", "selectionRules")
        said = {key: value for key, value in _json(row).items() if key not in of_providers}
        data(said, form, names=[provider_resource(metadata.id)])
        return
    lines = [
        ("prerequisite", f"{metadata.id} ({metadata.name})"),
        ("description", metadata.description),
        ("state", f"{status.state.value}: {status.message}"),
        ("upstream", _upstream(row)),
        ("documentation", metadata.documentation_url),
    ]
    lines += [(f"release {key}", version) for key, version in row.versions.items()]
    facts(console(), lines + [("operator", str(operator)) for operator in row.operators])
    _print_installation(row)


def _print_one(row: ProviderRow) -> None:
    screen = console()
    metadata, status = row.metadata, row.status
    lines = [
        ("provider", f"{metadata.id} ({metadata.name})"),
        ("description", metadata.description),
        ("state", f"{status.state.value}: {status.message}"),
        ("ready", "yes" if status.ready else "no"),
        ("upstream", _upstream(row)),
        ("worker", status.version or "-"),
        ("namespace", metadata.default_namespace),
        ("documentation", metadata.documentation_url or "-"),
    ]
    lines += [(f"release {key}", version) for key, version in row.versions.items()]
    lines += [("operator", str(operator)) for operator in row.operators]
    facts(screen, lines)
    _print_engines(row)
    rules = (row.config.get("spec") or {}).get("selectionRules") or []
    line()
    line("selection rules:")
    for rule in rules:
        line(f"  {rule.get('priority', 0):>4}  {rule['condition']}")
    if not rules:
        line("  none: taken only when a deployment names it")
    _print_installation(row)
    for warning in metadata.warnings:
        line(f"warning: {warning}")


def _print_engines(row: ProviderRow) -> None:
    capabilities = (row.config.get("spec") or {}).get("capabilities") or {}
    table = plain_table("ENGINE", "MODES", "GPU", "CPU", "API")
    for engine in capabilities.get("engines") or []:
        if isinstance(engine, str):
            engine = {"name": engine}
        table.add_row(
            engine["name"],
            ", ".join(engine.get("servingModes") or []) or "-",
            "yes" if engine.get("gpuSupport") else "no",
            "yes" if engine.get("cpuSupport") else "no",
            ", ".join(engine.get("apiFormats") or []) or "openai-chat",
        )
    line()
    console().print(table)


def _print_installation(row: ProviderRow) -> None:
    if row.metadata.installable:
        line()
        line(f"installation: airunway providers install {row.metadata.id}, or by hand:")
        for command in _commands(row.metadata):
            line(f"  {command}")
    elif row.metadata.steps:
        line()
        line("steps by hand:")
        for step in row.metadata.steps:
            line(f"  {step.title}: {step.command or step.description}")


def _commands(metadata: ProviderMetadata) -> list[str]:
    try:
        return commands_of(plan_of(metadata))
    except BadPlan as err:
        return [f"# {err}"]


def _json(row: ProviderRow) -> dict[str, Any]:
    metadata, status = row.metadata, row.status
    spec = row.config.get("spec") or {}
    return {
        "id": metadata.id,
        "name": metadata.name,
        "description": metadata.description,
        "defaultNamespace": metadata.default_namespace,
        "documentationUrl": metadata.documentation_url,
        "registered": True,
        "ready": status.ready,
        "state": status.state.value,
        "installed": status.installed,
        "healthy": status.operator_running,
        "crdFound": status.crd_found,
        "operatorRunning": status.operator_running,
        "requiresCRD": metadata.requires_crd,
        "installable": metadata.installable,
        "version": status.version,
        "message": status.message,
        "stale": status.stale,
        "releases": row.versions,
        "operators": [asdict(operator) for operator in row.operators],
        "capabilities": spec.get("capabilities") or {},
        "selectionRules": spec.get("selectionRules") or [],
        "helmCommands": _commands(metadata) if metadata.installable else [],
        "installationSteps": [asdict(step) for step in metadata.steps],
        "warnings": list(metadata.warnings),
    }


def _absent(name: str) -> dict[str, Any]:
    return {"id": name, "registered": False, "ready": False, "state": State.NOT_REGISTERED.value}
