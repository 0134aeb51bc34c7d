"""What the installer's process goes by: its file of installations, and whether it has Helm."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunway.workers.installer import installation_in, installer_workers
from airunway.workers.settings import Settings


def test_the_file_says_what_is_installed_for_a_provider(tmp_path: Path) -> None:
    file = tmp_path / "installations.yaml"
    file.write_text("acme: {helmCharts: [{name: a}]}\n")

    assert installation_in(file, "acme") == {"helmCharts": [{"name": "a"}]}
    assert installation_in(file, "kaito") is None
    assert installation_in(None, "acme") is None

    file.write_text("acme: {helmCharts: []}\n")
    assert installation_in(file, "acme") == {"helmCharts": []}, "it is read at every use"


@pytest.mark.parametrize("text", ["- a\n", "acme: 7\n", "{", "a: &a [*a"])
def test_a_file_that_cannot_be_read_installs_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "installations.yaml"
    file.write_text(text)

    with pytest.raises(ValueError, match="AIRUNWAY_PROVIDER_INSTALLATIONS"):
        installation_in(file, "acme")
    with pytest.raises(ValueError, match="No such file"):
        installation_in(tmp_path / "missing", "acme")


def test_without_helm_no_installations_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airunway.workers.installer.find_spec", lambda _: None)

    assert installer_workers(None, None, Settings(), None) == []  # type: ignore[arg-type]
