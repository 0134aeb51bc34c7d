"""No manifest, and nothing that is rendered by default, runs whatever a floating tag stands for today."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airunway.provider import RenderContext
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from airunway.providers.dynamo.release import DOWNLOAD_IMAGE
from tests.deploy.manifests import ROOT
from tests.deploy.test_compose import SERVICES

OURS = "ghcr.io/ai-runway/airunway/temporal"
"""The one image of every process of ours; the installer's has another tag."""
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
FILES = sorted(
    [
        *ROOT.glob("deploy/*/*.yaml"),
        *ROOT.glob("providers/*/deploy/*.yaml"),
        *ROOT.glob("docker-compose*.yaml"),
    ]
)


def images_in(value: Any) -> Iterator[str]:
    """Every image that some object names."""
    if isinstance(value, dict):
        if isinstance(value.get("image"), str):
            yield value["image"]
        for child in value.values():
            yield from images_in(child)
    elif isinstance(value, list):
        for child in value:
            yield from images_in(child)


def is_exact(image: str) -> bool:
    """Whether a reference has a digest, or a tag that is no floating one."""
    tag = image.rpartition("/")[2].partition(":")[2]
    return "@sha256:" in image or (bool(tag) and tag != "latest")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_manifest_has_a_floating_tag(file: Path) -> None:
    text = file.read_text()
    images = [image for document in yaml.safe_load_all(text) for image in images_in(document)]

    defaults = [re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", image) for image in images]
    assert [image for image in defaults if not is_exact(image)] == []
    assert ":latest" not in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_our_images_are_of_this_version(file: Path) -> None:
    found = re.findall(rf"{re.escape(OURS)}:([^\s}}\"']+)", file.read_text())

    assert set(found) <= {VERSION, f"{VERSION}-installer"}


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.parent != ROOT], ids=lambda file: str(file.relative_to(ROOT))
)
def test_no_manifest_runs_an_image_of_another_project(file: Path) -> None:
    found = [image for document in yaml.safe_load_all(file.read_text()) for image in images_in(document)]

    assert {image.partition(":")[0] for image in found} <= {OURS}


@pytest.mark.parametrize("name", sorted(installed_providers()))
@pytest.mark.parametrize("gpus", [0, 1])
def test_nothing_is_rendered_with_a_floating_tag(name: str, gpus: int) -> None:
    provider = installed_providers()[name]
    engine = "llamacpp" if name == "kaito" and not gpus else "vllm"
    wanted = deployment(engine={"type": engine}, gpus=gpus)

    if provider.check(wanted) is None and provider.model_image(wanted) is None:
        rendered = provider.render(wanted, RenderContext(env={}))
        assert [image for image in images_in(rendered) if not is_exact(image)] == []


def test_the_image_that_downloads_models_has_a_version() -> None:
    assert is_exact(DOWNLOAD_IMAGE)


def test_the_database_has_no_password_that_everybody_knows() -> None:
    given = {value for service in SERVICES.values() for value in _values(service, "PASSWORD", "PWD")}

    assert len(given) == 1
    assert re.fullmatch(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", given.pop())


def _values(service: dict[str, Any], *words: str) -> list[str]:
    return [
        value
        for key, value in (service.get("environment") or {}).items()
        if any(word in key for word in words)
    ]
