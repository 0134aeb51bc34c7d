"""Our custom resource definitions: an API server takes them, and keeps every word of their schemas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api
from tests.deploy.manifests import ROOT

DEFINITIONS = [yaml.safe_load(file.read_text()) for file in sorted((ROOT / "deploy" / "crds").glob("*.yaml"))]
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(params=["emulated", pytest.param("real", marks=pytest.mark.real)])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    if request.param == "real":
        async with Api(Path(request.getfixturevalue("real_kubeconfig"))) as client:
            yield client
        return
    async with (
        EmulatedCluster() as cluster,
        Api(cluster.kubeconfig(tmp_path / "kubeconfig")) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "definition", DEFINITIONS, ids=lambda definition: definition["spec"]["names"]["kind"]
)
async def test_a_definition_is_accepted_whole(api: Api, definition: dict) -> None:
    made = await api.create(PATH, definition)
    assert made.code in (201, 409), made.body

    stored = (await api.get(f"{PATH}/{definition['metadata']['name']}")).ok()

    assert stored["spec"]["versions"] == definition["spec"]["versions"]
