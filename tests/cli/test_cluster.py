"""Which cluster and which Temporal a command talks to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airunway.cli.cluster import settings_for
from airunway.cli.placing import RUNNING_FILE, Where


def running(folder: Path) -> Path:
    """A sandbox that runs in a folder, with ports that are not the usual ones; answers its kubeconfig."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text("{}")
    about = {
        "pid": os.getpid(),
        "kubeconfig": str(kubeconfig),
        "temporal_address": "127.0.0.1:7001",
        "temporal_ui": "http://127.0.0.1:7002",
        "own_temporal": True,
    }
    (folder / RUNNING_FILE).write_text(json.dumps(about))
    return kubeconfig


@pytest.mark.parametrize("by_variable", [False, True])
def test_the_kubeconfig_of_a_sandbox_leads_to_its_temporal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    kubeconfig = running(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig) if by_variable else "")
    monkeypatch.setenv("AIRUNWAY_CONTEXT", "production")

    settings = settings_for(Where(None if by_variable else kubeconfig))

    assert settings.temporal_address == "127.0.0.1:7001"
    assert settings.temporal_ui == "http://127.0.0.1:7002"
    assert not settings.temporal_environment, "TEMPORAL_* are of another Temporal"
    assert settings.context is None, "a sandbox has no contexts of other clusters"


def test_another_kubeconfig_beside_it_does_not(tmp_path: Path) -> None:
    running(tmp_path)
    other = tmp_path / "production"
    other.write_text("{}")

    assert settings_for(Where(other)).temporal_address is None


def test_what_the_environment_says_of_temporal_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", "temporal.example:7233")

    assert settings_for(Where(running(tmp_path))).temporal_address == "temporal.example:7233"
