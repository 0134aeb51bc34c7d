"""Acme keeps the contract of a provider."""

from __future__ import annotations

from acme_airunway import PROVIDER

from airunway.provider.testing import ProviderContract, deployment


class TestAcme(ProviderContract):
    """What AI Runway counts on."""

    provider = PROVIDER
    deployments = (deployment(), deployment(scaling={"replicas": 0}))
    statuses = ({"ready": True, "observedGeneration": 2},)
