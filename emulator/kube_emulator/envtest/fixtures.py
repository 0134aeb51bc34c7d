"""pytest fixtures over a real control plane; load with `pytest_plugins = ["kube_emulator.envtest.fixtures"]`.

Where its programs are missing, the tests that need them skip, saying what to do. It starts once a session,
at the first test that asks for it. A project with programs elsewhere, or with a cluster of its own, overrides
`real_cluster` or `real_kubeconfig`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from .control_plane import ControlPlane, why_missing


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[ControlPlane]:
    """etcd, kube-apiserver and kube-controller-manager; a test may kill any and must start it again."""
    if reason := why_missing():
        pytest.skip(reason)
    with ControlPlane() as running:
        yield running


@pytest.fixture(scope="session")
def real_kubeconfig(real_cluster: ControlPlane) -> Path:
    """For tests that only need some real cluster."""
    return real_cluster.kubeconfig


@pytest.fixture
def real_namespace(real_cluster: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """A Kubernetes namespace of the test's own; its end is begun afterwards, and not awaited."""
    stem = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    name = f"{stem}-{uuid.uuid4().hex[:6]}"
    status, answer = real_cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201, answer
    yield name
    real_cluster.request("DELETE", f"/api/v1/namespaces/{name}")
