"""Behind which Gateway a deployment is published. Pure.

Source: gateway.md §4; beyond it `spec.gateway.gatewayRef`, and an order where several are labelled, which is
that of AI Runway's dashboard when there is one (gateway.md, weak spot 18).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.api.gateway_reasons import GATEWAY_NOT_ALLOWED, GATEWAY_NOT_FOUND, NO_GATEWAY, GatewayFinding
from airunway.gateway.listeners import admits
from airunway.gateway.naming import LABEL_CHOSEN

Obj = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class WantedGateway:
    """A Gateway that is named: by the settings, or by a deployment. `section`: one of its listeners."""

    namespace: str
    name: str
    section: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class GatewayChoice:
    """The Gateway, or why there is none. `by_user`: a deployment named it, so it must admit it already."""

    gateway: Obj | None = None
    section: str = ""
    by_user: bool = False
    finding: GatewayFinding | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name; of a Gateway that is there."""
        meta = (self.gateway or {})["metadata"]
        return str(meta["namespace"]), str(meta["name"])


def choose_gateway(
    gateways: Sequence[Obj],
    *,
    configured: WantedGateway | None,
    asked: WantedGateway | None,
    namespace: str,
    labels: Mapping[str, str],
) -> GatewayChoice:
    """The Gateway for a deployment of a namespace. `labels`: of that Namespace."""
    if asked is not None:
        return _asked(gateways, asked, namespace, labels)
    if configured is not None:
        found = _named(gateways, configured)
        words = f"the settings name Gateway {configured}, which is not there; make it, or name another"
        return GatewayChoice(gateway=found) if found else _none(NO_GATEWAY, words)
    if len(gateways) < 2:
        words = "there is no Gateway in the cluster; make one, and routes follow by themselves"
        return GatewayChoice(gateway=gateways[0]) if gateways else _none(NO_GATEWAY, words)
    chosen = [one for one in gateways if (one["metadata"].get("labels") or {}).get(LABEL_CHOSEN) == "true"]
    if not chosen:
        return _none(
            NO_GATEWAY,
            f'there are several Gateways, and none has the label {LABEL_CHOSEN}="true"; put it on one, or'
            " name one in spec.gateway.gatewayRef",
        )
    return GatewayChoice(gateway=min(chosen, key=_age))


def _asked(
    gateways: Sequence[Obj], asked: WantedGateway, namespace: str, labels: Mapping[str, str]
) -> GatewayChoice:
    found = _named(gateways, asked)
    if found is None:
        words = f"spec.gateway.gatewayRef: Gateway {asked} is not there"
        return _none(GATEWAY_NOT_FOUND, words)
    listeners = [str(entry.get("name")) for entry in found["spec"].get("listeners") or []]
    if asked.section and asked.section not in listeners:
        return _none(
            GATEWAY_NOT_FOUND,
            f"spec.gateway.gatewayRef.sectionName: Gateway {asked} has no listener {asked.section}; it has"
            f" {', '.join(listeners) or 'none'}",
        )
    if not admits(found, namespace, labels=labels, section=asked.section):
        which = f"listener {asked.section}" if asked.section else "no listener"
        verb = "does not admit" if asked.section else "admits"
        return _none(
            GATEWAY_NOT_ALLOWED,
            f"spec.gateway.gatewayRef: of Gateway {asked} {which} {verb} HTTPRoutes of namespace {namespace}"
            " (spec.listeners[].allowedRoutes); ask whoever looks after it, it is not opened for a deployment"
            " that names it",
        )
    return GatewayChoice(gateway=found, section=asked.section, by_user=True)


def _named(gateways: Sequence[Obj], wanted: WantedGateway) -> Obj | None:
    place = (wanted.namespace, wanted.name)
    return next(
        (one for one in gateways if (one["metadata"]["namespace"], one["metadata"]["name"]) == place), None
    )


def _none(reason: str, message: str) -> GatewayChoice:
    return GatewayChoice(finding=GatewayFinding(reason=reason, message=message))


def _age(gateway: Obj) -> tuple[str, str, str]:
    meta = gateway["metadata"]
    return str(meta.get("creationTimestamp") or ""), meta["namespace"], meta["name"]
