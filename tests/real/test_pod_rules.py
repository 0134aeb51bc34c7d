"""What the rules say of a pod's parts is what the API server says, part by part."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from kube_emulator.testing import Api
from tests.pod_parts import CASES, Part

DRY_RUN = {"dryRun": "All"}
pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest_asyncio.fixture
async def refusal(real_kubeconfig: Path) -> AsyncIterator[Callable[[Part], Awaitable[str]]]:
    """Answers why the API server refuses a Deployment or a pod of it; empty when it takes both."""
    space = f"pods-{uuid.uuid4().hex[:8]}"
    async with Api(real_kubeconfig) as api:
        (await api.create("/api/v1/namespaces", {"metadata": {"name": space}})).ok()

        async def refused(workload: Part) -> str:
            path = f"/apis/apps/v1/namespaces/{space}/deployments/a"
            applied = await api.apply(path, workload, manager="test", query=DRY_RUN)
            if applied.code >= 400:
                return applied.message
            pod = {"metadata": {"name": "a"}, "spec": workload["spec"]["template"]["spec"]}
            made = await api.create(f"/api/v1/namespaces/{space}/pods", pod, query=DRY_RUN)
            return made.message if made.code >= 400 else ""

        yield refused
        await api.delete(f"/api/v1/namespaces/{space}")


async def test_what_is_refused_here_the_api_server_refuses_and_nothing_else(
    refusal: Callable[[Part], Awaitable[str]],
) -> None:
    differing = []
    for case in CASES:
        theirs = await refusal(case.workload)
        if bool(theirs) is not bool(case.wrong):
            differing.append((case.reason, case.wrong, theirs[:300]))

    assert not differing, "\n".join(map(str, differing))
    assert {bool(case.wrong) for case in CASES} == {True, False}
