"""The folder of `airunway up` is its owner's alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airunway.cli.problems import UsageError
from airunway.cli.up_state import LOCK_FILE, make_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def opened(path: Path) -> None:
    """A file that all may read, whatever this process gives its files."""
    path.touch()
    path.chmod(0o644)


def test_a_new_folder_is_closed(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "state")

    assert mode(tmp_path / "a" / "state") == 0o700


def test_an_empty_folder_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)

    make_private(folder)

    assert mode(folder) == 0o700


def test_a_folder_of_ours_that_was_opened_is_closed_with_what_is_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    opened(outside)
    folder = tmp_path / "state"
    (folder / "cluster").mkdir(parents=True)
    for file in (LOCK_FILE, "kubeconfig", "cluster/objects"):
        opened(folder / file)
    (folder / "link").symlink_to(outside)
    folder.chmod(0o755)

    make_private(folder)

    assert {mode(folder), mode(folder / "cluster")} == {0o700}
    assert {mode(folder / file) for file in (LOCK_FILE, "kubeconfig", "cluster/objects")} == {0o600}
    assert mode(outside) == 0o644


def test_an_open_folder_of_other_things_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(0o755)
    opened(folder / "letter")

    with pytest.raises(UsageError, match="chmod 700"):
        make_private(folder)

    assert (mode(folder), mode(folder / "letter")) == (0o755, 0o644)


def test_somebody_elses_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(UsageError, match="belongs to somebody else"):
        make_private(tmp_path)
