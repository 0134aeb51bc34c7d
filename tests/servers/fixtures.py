"""pytest fixtures over the real servers; loaded after `kube_emulator.envtest`'s, to put our cluster there.

A server that is missing makes its tests skip, saying how to get it, unless `AIRUNWAY_REAL=1` asked
for the real tier: then they fail. Each server starts once a session, at the first test that needs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import buildkitd, cluster, registry, temporal_server
from tests.servers.buildkitd import Buildkitd
from tests.servers.certificates import make_certificates
from tests.servers.cluster import Cluster
from tests.servers.postgres import Postgres
from tests.servers.registry import Registry
from tests.servers.registry_sides import RegistrySides, both_sides
from tests.servers.temporal_server import TemporalServer


def require(reason: str | None) -> None:
    """Skip for this reason, or fail when the real tier was asked for; nothing if there is none."""
    if reason and os.environ.get("AIRUNWAY_REAL") == "1":
        pytest.fail(f"AIRUNWAY_REAL=1, but {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[Cluster]:
    """etcd, kube-apiserver and kube-controller-manager; a test may kill any and must start it again."""
    require(cluster.why_missing())
    with Cluster() as running:
        yield running


@pytest.fixture(scope="session")
def real_kubeconfig(request: pytest.FixtureRequest) -> Path:
    """For tests that only need some real cluster: the one `KUBECONFIG` names, or `real_cluster`.

    The named one is used only when the real tier was asked for: a forgotten variable must not send
    an ordinary test run to somebody's cluster.
    """
    named = os.environ.get("KUBECONFIG")
    if named and os.environ.get("AIRUNWAY_REAL") == "1":
        return Path(named)
    running: Cluster = request.getfixturevalue("real_cluster")
    return running.kubeconfig


@pytest.fixture(scope="session")
def real_temporal() -> Iterator[TemporalServer]:
    """Temporal's own server on PostgreSQL, with the namespace `default`; may be killed and started again."""
    require(temporal_server.why_missing())
    with Postgres() as database, TemporalServer(database) as server:
        yield server


@pytest.fixture(scope="session")
def real_temporal_with_mutual_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """The same again, whose frontend wants a certificate of whoever calls: `certificates` has them."""
    require(temporal_server.why_missing())
    certificates = make_certificates(tmp_path_factory.mktemp("temporal-certificates"))
    with Postgres() as database, TemporalServer(database, certificates=certificates) as server:
        yield server


@pytest.fixture(scope="session")
def real_buildkitd() -> Iterator[Buildkitd]:
    """BuildKit's daemon; a test may restart or wipe it, and must not count on an empty cache."""
    require(buildkitd.why_missing())
    with Buildkitd() as daemon:
        yield daemon


@pytest.fixture
def registry_sides() -> Iterator[RegistrySides]:
    """The registry as it is in the cluster: one side for pushes, with a login, and one for pulls."""
    require(registry.why_missing())
    with both_sides() as running:
        yield running


@pytest.fixture(scope="session")
def real_registry() -> Iterator[Registry]:
    """A registry that anybody may push to; a test uses names of its own."""
    require(registry.why_missing())
    with Registry() as server:
        yield server
