"""Nearly every test here runs twice: against the emulated cluster, and against a real kube-apiserver.

A test that takes `api` gets a client of one of them, with a namespace of its own in `space`. What only the
emulated cluster has (faults, a small watch window, a state folder) is tested with `emulated`.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api

from .kubectl import Kubectl, kubectl_for
from .objects import CRD_PATH, Obj, Space, crd, crds

BOTH = ["emulated", pytest.param("real", marks=pytest.mark.real)]


@pytest.fixture
async def emulated(tmp_path: Path) -> AsyncIterator[EmulatedCluster]:
    async with EmulatedCluster() as cluster:
        yield cluster


@pytest.fixture(params=BOTH)
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def kubeconfig(flavour: str, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The way to the cluster under test; the emulated one is made by `served`."""
    if flavour == "real":
        return Path(request.getfixturevalue("real_kubeconfig"))
    return tmp_path / "kubeconfig"


@pytest.fixture
async def served(flavour: str, kubeconfig: Path) -> AsyncIterator[Path]:
    """The kubeconfig of a cluster that answers."""
    if flavour == "real":
        yield kubeconfig
        return
    async with EmulatedCluster() as cluster:
        yield cluster.kubeconfig(kubeconfig)


@pytest.fixture
async def api(served: Path) -> AsyncIterator[Api]:
    async with Api(served) as client:
        yield client


@pytest.fixture
async def space(api: Api) -> AsyncIterator[Space]:
    """A namespace of the test's own; its end is begun afterwards, and not awaited."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    (await api.create("/api/v1/namespaces", {"metadata": {"name": name}})).ok()
    yield Space(name)
    await api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
async def custom(api: Api, space: Space) -> Space:
    """The same, with the kinds of definitions.yaml served."""
    for definition in crds():
        answer = await api.create(CRD_PATH, definition)
        assert answer.code in (201, 409), answer.body
    for kind in ("modelclasses", "modelservers"):
        await api.until(f"/apis/models.example.com/v1/{kind}", lambda answer: answer.code == 200)
    return space


@pytest.fixture
def kubectl(served: Path, custom: Space, tmp_path: Path) -> Kubectl:
    """Runs kubectl in the test's namespace."""
    return kubectl_for(served, custom.name, tmp_path)


@pytest.fixture
async def served_kind(api: Api, space: Space) -> Any:
    """Serves a definition and gives the path of its objects in the test's namespace."""
    names: list[str] = []

    async def serve(schema: Obj, **version: Any) -> tuple[str, str]:
        group = f"g{uuid.uuid4().hex[:8]}.example.com"
        definition = crd(group, schema, **version)
        names.append(definition["metadata"]["name"])
        (await api.create(CRD_PATH, definition)).ok()
        await api.until(f"/apis/{group}/v1/widgets", lambda answer: answer.code == 200)
        return f"/apis/{group}/v1/namespaces/{space.name}/widgets", f"{group}/v1"

    yield serve
    for name in names:
        await api.delete(f"{CRD_PATH}/{name}")
