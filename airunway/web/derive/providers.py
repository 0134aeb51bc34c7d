"""ProviderInfo and its relatives, from an InferenceProviderConfig (web-api.md §5 and §6.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.api import names
from airunway.installation.commands import ShownStep
from airunway.installation.metadata import Chart, ProviderMetadata
from airunway.installation.state import InstallationStatus

Config = Mapping[str, Any]

ANNOTATION_ICON, ANNOTATION_DEFAULTS = "airunway.ai/icon", "airunway.ai/deployment-defaults"


def provider_info(
    config: Config, metadata: ProviderMetadata, *, warnings: Sequence[str] = ()
) -> dict[str, Any]:
    """ProviderInfo."""
    annotations = config["metadata"].get("annotations") or {}
    found = [*metadata.warnings, *warnings]
    shown: dict[str, Any] = {
        "id": metadata.id,
        "name": metadata.name,
        "description": metadata.description,
        "defaultNamespace": metadata.default_namespace,
        "documentationUrl": metadata.documentation_url or None,
        "icon": annotations.get(ANNOTATION_ICON) or None,
        "installable": bool(metadata.repositories or metadata.charts or metadata.steps),
        "requiresCRD": metadata.requires_crd,
        "capabilities": capabilities_of(config),
        "deploymentDefaults": _object(annotations, ANNOTATION_DEFAULTS, found),
        "health": _object(annotations, names.ANNOTATION_HEALTH, found),
        "warnings": list(dict.fromkeys(found)),
    }
    return {key: value for key, value in shown.items() if value is not None}


def provider_details(config: Config, metadata: ProviderMetadata) -> dict[str, Any]:
    """ProviderDetails."""
    group, _, version = str(config.get("apiVersion") or names.API_VERSION).partition("/")
    return {
        **provider_info(config, metadata),
        "crdConfig": {
            "apiGroup": group,
            "apiVersion": version,
            "plural": names.CONFIG_PLURAL,
            "kind": names.CONFIG_KIND,
        },
        "helmRepos": [{"name": entry.name, "url": entry.url} for entry in metadata.repositories],
        "helmCharts": [_chart(chart) for chart in metadata.charts],
        "installationSteps": manual_steps(metadata),
    }


def runtime_status(config: Config, metadata: ProviderMetadata, seen: InstallationStatus) -> dict[str, Any]:
    """RuntimeStatus. Beyond the reference's: `state`, and whether it could be installed on demand."""
    return {**provider_info(config, metadata), **_seen(seen), "healthy": seen.operator_running}


def installation_status(
    metadata: ProviderMetadata, seen: InstallationStatus, commands: Sequence[str]
) -> dict[str, Any]:
    """InstallationStatus of the wire."""
    return {
        "providerId": metadata.id,
        "providerName": metadata.name,
        **_seen(seen),
        "requiresCRD": metadata.requires_crd,
        "installable": metadata.installable,
        "installationSteps": manual_steps(metadata),
        "helmCommands": list(commands) if metadata.installable else [],
    }


def _seen(seen: InstallationStatus) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "installed": seen.installed,
        "crdFound": seen.crd_found,
        "operatorRunning": seen.operator_running,
        "message": seen.message,
        "reason": seen.state.value,
    }
    if seen.version:
        shown["version"] = seen.version
    return shown


def manual_steps(metadata: ProviderMetadata) -> list[dict[str, str]]:
    """The steps for a person."""
    return [
        {
            "title": step.title,
            **({"command": step.command} if step.command else {}),
            "description": step.description,
        }
        for step in metadata.steps
    ]


def shown_commands(metadata: ProviderMetadata, steps: Sequence[ShownStep]) -> dict[str, Any]:
    """The answer of `/installation/providers/:id/commands`."""
    return {
        "providerId": metadata.id,
        "providerName": metadata.name,
        "commands": [step.command for step in steps],
        "steps": manual_steps(metadata)
        or [{"title": step.id, "command": step.command, "description": step.id} for step in steps],
    }


def _chart(chart: Chart) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": chart.release,
        "chart": chart.chart,
        "version": chart.version or None,
        "namespace": chart.namespace,
        "createNamespace": chart.create_namespace or None,
        "values": dict(chart.values) or None,
        "skipCrds": chart.skip_crds or None,
        "fetchUrl": chart.fetch_url or None,
        "preCrdUrls": list(chart.pre_crd_urls) or None,
        "preInstallMissingCrds": chart.pre_install_missing_crds or None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def capabilities_of(config: Config) -> dict[str, Any]:
    """What a provider can do: as its annotation says, else as its spec does."""
    warnings: list[str] = []
    annotations = config["metadata"].get("annotations") or {}
    told = _object(annotations, names.ANNOTATION_CAPABILITIES, warnings) or {}
    spec = (config.get("spec") or {}).get("capabilities") or {}
    entries = [_engine(entry) for entry in told.get("engineCapabilities") or spec.get("engines") or ()]
    engines = [str(name) for name in told.get("engines") or () if isinstance(name, str)]
    modes = [mode for entry in entries for mode in entry.get("servingModes") or ()]
    features = told.get("features")
    return {
        "engines": engines or [entry["name"] for entry in entries],
        "engineCapabilities": entries,
        "modes": _texts(told.get("modes")) or list(dict.fromkeys(modes)),
        "modelSources": _texts(told.get("modelSources")),
        "routerModes": _texts(told.get("routerModes")),
        "features": {key: value for key, value in features.items() if isinstance(value, bool)}
        if isinstance(features, dict)
        else {},
    }


def _engine(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        return {"name": str(entry)}
    keys = ("name", "servingModes", "gpuSupport", "cpuSupport", "requiresCRD", "gateway")
    return {key: entry[key] for key in keys if entry.get(key) is not None}


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _object(annotations: Mapping[str, str], key: str, warnings: list[str]) -> dict[str, Any] | None:
    text = annotations.get(key)
    if not text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        warnings.append(f"annotation {key} is no JSON object and was left out")
        return None
    return found
