"""What a release would be, without touching the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from airunway.clients.errors import Unreachable
from airunway.clients.helm import ChartInvalid, Helm, Manifest, Rendered, ValuesInvalid
from kube_emulator.envtest.ports import free_port
from kube_emulator.testing import Api
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.conftest import adapter, release
from tests.clients.helm.test_failing import config_for


async def test_objects_come_with_their_templates(helm: Helm, api: Api, space: str, settings: Path) -> None:
    version = (await api.get("/version")).ok()["gitVersion"]

    found = await helm.render(release(settings, space, values={"mode": "dark"}))

    (manifest,) = found.manifests
    assert manifest.source == "settings/templates/config.yaml"
    assert manifest.object["metadata"]["name"] == "web-settings"
    assert manifest.object["data"] == {
        "mode": "dark",
        "greeting": "",
        "password": "",
        "revision": "1",
        "kube": version,
        "has-deployments": "true",
    }
    assert found.notes.strip() == "web runs in dark mode."
    assert (found.info.name, found.info.version) == ("settings", "1.0.0")


async def test_nothing_is_written(helm: Helm, api: Api, space: str, settings: Path) -> None:
    await helm.render(release(settings, space))

    assert (await api.get(f"/api/v1/namespaces/{space}/secrets")).ok()["items"] == []
    assert (await api.get(f"/api/v1/namespaces/{space}/configmaps/web-settings")).code == 404


async def test_hooks_are_marked(helm: Helm, space: str, tmp_path: Path) -> None:
    found = await helm.render(release(copy_chart("failing-hook", tmp_path), space))

    assert {name(entry): entry.hooks for entry in found.manifests} == {
        "web-check": ("pre-install", "pre-upgrade"),
        "web-after": (),
    }


async def test_definitions_are_given_apart_and_kept_ones_marked(
    helm: Helm, space: str, tmp_path: Path
) -> None:
    operator = await helm.render(release(copy_chart("operator", tmp_path), space))
    templated = await helm.render(release(copy_chart("templated-crds", tmp_path), space))

    assert crd_names(operator) == operator.info.crds == ("gadgets.example.test",)
    assert sorted(entry.object["kind"] for entry in operator.manifests) == ["Deployment", "Secret"]
    assert templated.crds == ()
    assert {name(entry): entry.keep for entry in templated.manifests} == {
        "machines.example.test": False,
        "tools.example.test": True,
    }
    assert templated.info.template_crds == ("machines.example.test",)


async def test_a_sub_chart_is_rendered_when_it_is_enabled(helm: Helm, space: str, tmp_path: Path) -> None:
    chart = copy_chart("operator", tmp_path)

    found = await helm.render(release(chart, space, values={"probe": {"enabled": True}}))

    assert "web-probe" in {name(entry) for entry in found.manifests}
    assert set(crd_names(found)) == {"gadgets.example.test", "sensors.example.test"}


async def test_definitions_come_out_as_they_are_written(helm: Helm, space: str, tmp_path: Path) -> None:
    chart = copy_chart("operator", tmp_path)
    written = yaml.safe_load((chart / "crds" / "gadgets.yaml").read_text())
    written["metadata"]["annotations"] = {"example": "a {{ template }} of {{`others`}}"}
    (chart / "crds" / "gadgets.yaml").write_text(yaml.safe_dump(written))

    found = await helm.render(release(chart, space))

    assert found.crds == (written,)


async def test_the_same_errors_as_an_install(helm: Helm, space: str, tmp_path: Path) -> None:
    with pytest.raises(ChartInvalid, match="name is needed"):
        await helm.render(release(copy_chart("broken", tmp_path), space))
    with pytest.raises(ValuesInvalid) as caught:
        await helm.render(release(copy_chart("operator", tmp_path), space, values={"replicas": 0}))

    assert caught.value.paths == ("/replicas",)


async def test_a_cluster_that_is_away_is_asked_again(way: str, tmp_path: Path, settings: Path) -> None:
    kubeconfig = tmp_path / "away"
    kubeconfig.write_text(str(config_for(f"http://127.0.0.1:{free_port()}")).replace("'", '"'))

    with pytest.raises(Unreachable) as caught:
        await adapter(way, kubeconfig).render(release(settings, "nowhere"))

    assert caught.value.retryable


def crd_names(found: Rendered) -> tuple[str, ...]:
    return tuple(crd["metadata"]["name"] for crd in found.crds)


def name(entry: Manifest) -> str:
    return str(entry.object["metadata"]["name"])
