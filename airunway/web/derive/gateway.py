"""What is said of Gateways: their kinds, and the models behind them (web-api.md §3.4, GatewayCRDStatus)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airunway.api.gateway_versions import INFERENCE_EXTENSION_VERSION

GATEWAY_CRD = "gateways.gateway.networking.k8s.io"
EXTENSION_CRD = "inferencepools.inference.networking.k8s.io"
_ANYBODYS_VERSION = "app.kubernetes.io/version"
_VERSIONS = {
    GATEWAY_CRD: ("gateway.networking.k8s.io/bundle-version", _ANYBODYS_VERSION),
    EXTENSION_CRD: ("inference.networking.k8s.io/bundle-version", _ANYBODYS_VERSION),
}
"""Annotations that say it; the first one counts that is not empty (install.md §A14.2)."""


def gateway_crd_status(
    crds: Mapping[str, Mapping[str, Any] | None], gateway: Mapping[str, Any], commands: Sequence[str]
) -> dict[str, Any]:
    """GatewayCRDStatus. `crds`: by name, None where it is not installed; `commands`: to install them."""
    api, extension = crds.get(GATEWAY_CRD), crds.get(EXTENSION_CRD)
    missing = [
        words
        for words, found in (("Gateway API", api), ("its inference extension", extension))
        if found is None
    ]
    shown: dict[str, Any] = {
        "gatewayApiInstalled": api is not None,
        "inferenceExtInstalled": extension is not None,
        "gatewayApiVersion": _version(GATEWAY_CRD, api),
        "inferenceExtVersion": _version(EXTENSION_CRD, extension),
        "pinnedVersion": INFERENCE_EXTENSION_VERSION,
        "gatewayAvailable": bool(gateway.get("available")),
        "gatewayEndpoint": gateway.get("endpoint"),
        "message": f"not installed: {', '.join(missing)}" if missing else "the CRDs are installed",
        "installCommands": list(commands),
    }
    return {key: value for key, value in shown.items() if value is not None}


def _version(name: str, crd: Mapping[str, Any] | None) -> str | None:
    annotations = ((crd or {}).get("metadata") or {}).get("annotations") or {}
    return next((annotations[key] for key in _VERSIONS[name] if annotations.get(key)), None)


def gateway_models(deployments: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The models of deployments that are published."""
    shown = []
    for deployment in deployments:
        status = deployment.get("status") or {}
        model = (status.get("gateway") or {}).get("modelName")
        if not model:
            continue
        conditions = status.get("conditions") or ()
        ready = any(
            entry.get("type") == "GatewayReady" and entry.get("status") == "True" for entry in conditions
        )
        entry = {"name": model, "deploymentName": deployment["metadata"]["name"], "ready": ready}
        if provider := (status.get("provider") or {}).get("name"):
            entry["provider"] = provider
        shown.append(entry)
    return sorted(shown, key=lambda entry: str(entry["deploymentName"]))
