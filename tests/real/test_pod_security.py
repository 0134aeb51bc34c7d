"""Pod Security admission of the real API server takes every pod of ours at the level that the documents name.

Pods are made of their templates: nothing runs them, and nothing has to.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import NAMESPACES, PODS, Cluster, Object
from airunway.provider import RenderContext
from airunway.provider.model_access import NETWORK_POLICY, AccessRule, ModelAccess, with_access
from airunway.provider.registry import installed_providers
from tests.providers.pods import PodSpec
from tests.real.pod_catalogue import LEVELS, Pods, catalogue, documented_levels, given_of, restricted_pods

pytestmark = pytest.mark.real

NAMESPACE = AccessRule(access=ModelAccess.NAMESPACE)
GATEWAY = AccessRule(access=ModelAccess.GATEWAY, gateways=("gateways",))
CATALOGUE = catalogue()
DOCUMENTED = documented_levels()


class Admission:
    """A namespace for each level."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self._name = cluster, name

    def namespace(self, level: str) -> str:
        return f"{self._name}-{level}"

    async def refusal(self, pod: PodSpec, level: str) -> str:
        """Why the API server does not take a pod at a level; empty when it does."""
        body = {"metadata": {"generateName": "pod-"}, "spec": pod}
        try:
            await self._cluster.create(PODS, body, namespace=self.namespace(level))
        except Forbidden as err:
            assert "violates PodSecurity" in str(err)
            return str(err)
        return ""

    async def create_policy(self, policy: Object) -> None:
        """Create it with strict checks. Raises ApiError."""
        await self._cluster.create(
            NETWORK_POLICY, policy, namespace=self.namespace("restricted"), strict=True
        )

    async def refusals(self, pods: Pods, level: str) -> dict[str, str]:
        """(the pod's place, why) for those that are not taken."""
        found = {where: await self.refusal(pod, level) for where, pod in pods}
        return {where: why for where, why in found.items() if why}


@pytest_asyncio.fixture
async def admission(real_kubeconfig: Path) -> AsyncIterator[Admission]:
    async with await Cluster.connect(real_kubeconfig) as cluster:
        found = Admission(cluster, f"pods-{uuid.uuid4().hex[:8]}")
        for level in LEVELS:
            labels = {"pod-security.kubernetes.io/enforce": level}
            await cluster.create(NAMESPACES, {"metadata": {"name": found.namespace(level), "labels": labels}})
        yield found
        for level in LEVELS:
            await cluster.delete(NAMESPACES, found.namespace(level))


def test_the_documents_name_a_level_for_every_pod() -> None:
    assert DOCUMENTED.keys() == CATALOGUE.keys()
    assert all(CATALOGUE.values())


@pytest.mark.parametrize("name", sorted(CATALOGUE))
async def test_every_pod_is_admitted_at_its_level_and_at_no_stricter_one(
    name: str, admission: Admission
) -> None:
    level = DOCUMENTED[name]

    assert await admission.refusals(CATALOGUE[name], level) == {}
    for stricter in LEVELS[: LEVELS.index(level)]:
        assert await admission.refusals(CATALOGUE[name], stricter), f"{name} would pass {stricter}"


@pytest.mark.parametrize("provider", sorted(installed_providers()))
async def test_every_provider_can_be_told_to_be_restricted(provider: str, admission: Admission) -> None:
    assert await admission.refusals(restricted_pods(provider), "restricted") == {}


@pytest.mark.parametrize("provider", sorted(installed_providers()))
async def test_every_policy_is_taken_by_the_api_server(provider: str, admission: Admission) -> None:
    for rule in (NAMESPACE, GATEWAY):
        served = with_access(installed_providers()[provider], rule)
        given = next(iter(given_of(provider)))
        (policy,) = [obj for obj in served.render(given, RenderContext()) if obj["kind"] == "NetworkPolicy"]

        await admission.create_policy({**policy, "metadata": {"generateName": "policy-"}})
