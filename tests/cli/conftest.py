"""Running `airunway` in this process, as its entry point does."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from airunway.cli.app import main
from kube_emulator.envtest.ports import free_port

Airunway = Callable[..., "Result"]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str


class _Input:
    def __init__(self, text: str) -> None:
        self.buffer = io.BytesIO(text.encode())


@pytest.fixture
def airunway(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Airunway:
    """Call with arguments (and `stdin`); in a folder of its own, without settings of the caller's."""
    for name in ("KUBECONFIG", "AIRUNWAY_KUBECONFIG", "AIRUNWAY_TRACEBACK", "AIRUNWAY_TEMPORAL_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)

    def run(*arguments: str | Path, stdin: str = "") -> Result:
        monkeypatch.setattr("sys.argv", ["airunway", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", _Input(stdin))
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Result(int(left.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    return free_port()
