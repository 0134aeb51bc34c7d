"""Reasons of the condition `GatewayReady`, and how a finding is said. Pure.

The first ones are AI Runway's own (gateway.md §13); the others name a missing link that it passes over.
"""

from __future__ import annotations

from dataclasses import dataclass

GATEWAY_READY = "GatewayReady"

CONFIGURED = "GatewayConfigured"
NO_CRDS = "CRDsNotAvailable"
NO_GATEWAY = "NoGateway"
PATCH_FAILED = "GatewayPatchFailed"
POOL_FAILED, PICKER_FAILED, ROUTE_FAILED = "InferencePoolFailed", "EPPFailed", "HTTPRouteFailed"
DISABLED = "GatewayDisabled"

GATEWAY_NOT_FOUND, GATEWAY_NOT_ALLOWED = "GatewayNotFound", "GatewayNotAllowed"
"""Of `spec.gateway.gatewayRef`."""
POOL_NOT_FOUND, POOL_NOT_ALLOWED = "PoolNotFound", "PoolNotAllowed"
"""Of `spec.gateway.poolRef`, and of the pool that a provider makes."""
GRANT_FAILED, RULE_FAILED = "ReferenceGrantFailed", "DestinationRuleFailed"
NAME_INVALID, NAME_TAKEN = "ModelNameInvalid", "ModelNameConflict"
ROUTE_PENDING = "HTTPRoutePending"
"""The Gateway's controller has not said anything of the route yet."""
ROUTE_NOT_FOUND, ROUTE_NOT_ACCEPTED = "HTTPRouteNotFound", "HTTPRouteNotAccepted"
REFS_NOT_RESOLVED = "ReferencesNotResolved"
POOL_NOT_ACCEPTED = "PoolNotAccepted"
PICKER_NOT_READY, NO_ENDPOINTS = "EndpointPickerNotReady", "NoEndpoints"
NOT_PROGRAMMED, NO_ADDRESS = "GatewayNotProgrammed", "NoAddress"
NOT_SERVING = "DeploymentNotRunning"
STEP_FAILED = "StepFailed"
ON_THE_WAY = frozenset(
    {ROUTE_PENDING, PICKER_NOT_READY, POOL_NOT_FOUND, NO_GATEWAY, NOT_SERVING, DISABLED, NO_ADDRESS}
)
"""What is no trouble by itself: it passes, or somebody wanted it so."""


@dataclass(frozen=True, kw_only=True)
class GatewayFinding:
    """Why a deployment is not published, or not wholly: a reason and a sentence with what to do."""

    reason: str
    message: str
