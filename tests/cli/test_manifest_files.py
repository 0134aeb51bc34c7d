"""-f DIR, -R and -k: what `kubectl` would take."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Airunway
from tests.cli.test_plan import GPU, manifest


def sources(out: str) -> list[str]:
    return out.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Manifests, what is none, a folder in it, and ways that have no end."""
    place = tmp_path / "deploy"
    (place / "more").mkdir(parents=True)
    for name, deployment in (("b.yaml", "b"), ("a.yml", "a"), ("c.json", "c"), ("more/d.yaml", "d")):
        (place / name).write_text(manifest(name=deployment, **GPU))
    (place / "README.md").write_text("not: [yaml")
    (place / "more" / "again").symlink_to(place)
    os.mkfifo(place / "pipe.yaml")
    return place


def test_a_folder_is_its_manifests_in_order(airunway: Airunway, folder: Path) -> None:
    result = airunway("plan", "-f", folder, "-o", "name")

    assert result.status == 0, result.err
    assert sources(result.out) == [f"modeldeployment.airunway.ai/{name}" for name in "abc"]


def test_with_recursive_also_folders_in_it(airunway: Airunway, folder: Path) -> None:
    result = airunway("plan", "-R", "-f", folder, "-o", "name")

    assert sources(result.out) == [f"modeldeployment.airunway.ai/{name}" for name in "abcd"]


def test_a_folder_without_manifests_is_an_error(airunway: Airunway, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)

    result = airunway("plan", "-f", tmp_path / "deep")

    assert result.status == 2
    assert "no manifest (.json, .yaml, .yml) in this folder; folders in it are read with -R" in result.err


def test_an_address_is_not_fetched(airunway: Airunway) -> None:
    result = airunway("plan", "-f", "https://example.com/a.yaml")

    assert result.status == 2
    assert "addresses are not read" in result.err


def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of that name, alone on PATH beside the shell."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")


@pytest.fixture
def kustomization(tmp_path: Path) -> Path:
    place = tmp_path / "-o json"  # no option, whatever it is called
    place.mkdir()
    (place / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    (place / "a.yaml").write_text(manifest(name="built", **GPU))
    return place


def test_a_kustomization_is_built_by_kubectl(
    airunway: Airunway, tmp_path: Path, kustomization: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, '[ "$1" = kustomize ] && cat "$2/a.yaml"')

    result = airunway("plan", "-k", kustomization, "-o", "name")

    assert sources(result.out) == ["modeldeployment.airunway.ai/built"], result.err


def test_what_kubectl_says_is_said(
    airunway: Airunway, tmp_path: Path, kustomization: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(tmp_path, monkeypatch, r"""printf 'error: bad \033[2J patch\nmore\n' >&2; exit 1""")

    result = airunway("plan", "-k", kustomization)

    assert result.status == 2
    assert "kubectl kustomize: error: bad �[2J patch" in result.err
    assert "more" not in result.err


def test_without_kubectl_it_says_what_to_do(
    airunway: Airunway, kustomization: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    result = airunway("plan", "-k", kustomization)

    assert result.status == 2
    assert "this needs kubectl, which is not on PATH" in result.err


def test_a_folder_without_a_kustomization(airunway: Airunway, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    result = airunway("plan", "-k", tmp_path / "empty")

    assert result.status == 2
    assert "there is no kustomization.yaml in this folder" in result.err
