"""`dev.py` installs what a command needs, once, by uv or pip, and says how far it is."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import pytest

from tools.packages import PackageProblem, Packages, python_of, show_progress

PIP_SAYS = """\
Collecting aiohttp==3.14.5 (from -r requirements-sandbox.txt (line 4))
  Downloading https://registry.example/files/aiohttp-3.14.5-cp311-cp311-manylinux.whl (1.7 MB)
Collecting helm-python-sdk==0.1.2 (from -r requirements-sandbox.txt (line 9))
  Using cached helm_python_sdk-0.1.2-py3-none-manylinux.whl (61.2 MB)
Installing collected packages: helm-python-sdk, aiohttp
Successfully installed aiohttp-3.14.5 helm-python-sdk-0.1.2
""".splitlines(keepends=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Machine:
    """An environment whose Python, and a uv where there is one, only note how they are called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._path = folder / "env", folder / "path"
        self._notes = folder / "notes"
        self._path.mkdir()
        monkeypatch.setenv("PATH", str(self._path))
        self.full, self.lean = folder / "full.txt", folder / "lean.txt"
        self.full.write_text("aiohttp==3.14.5\npytest==9.0.1\n")
        self.lean.write_text("aiohttp==3.14.5\n")
        self.give(python_of(self.folder))

    def give(self, program: Path, *, status: int = 0) -> None:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f"called = ' '.join([{program.name!r}, *sys.argv[1:]])\n"
            f"open({str(self._notes)!r}, 'a').write(called + '\\n')\n"
            f"print('Collecting aiohttp==3.14.5')\nsys.exit({status})\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def give_uv(self, *, status: int = 0) -> None:
        self.give(self._path / "uv", status=status)

    def packages(self, *, lean: bool) -> Packages:
        project = self.folder.parent / "project"
        if lean:
            return Packages(self.folder, self.lean, projects=[project], larger=[self.full])
        return Packages(self.folder, self.full, projects=[project])

    def calls(self) -> list[str]:
        """What was called since the last look."""
        said = self._notes.read_text().splitlines() if self._notes.exists() else []
        self._notes.unlink(missing_ok=True)
        return said


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    if os.name == "nt":
        pytest.skip("programs are scripts here")
    return Machine(tmp_path, monkeypatch)


def test_pip_installs_by_hash_and_once(machine: Machine) -> None:
    machine.packages(lean=True).ensure()
    locked, checkout = machine.calls()
    machine.packages(lean=True).ensure()

    assert "--require-hashes -r" in locked
    assert locked.endswith("lean.txt")
    assert "--no-build-isolation -e" in checkout
    assert machine.calls() == []


def test_who_has_everything_has_what_the_sandbox_needs(machine: Machine) -> None:
    machine.packages(lean=False).ensure()
    machine.calls()

    machine.packages(lean=True).ensure()

    assert machine.calls() == []


def test_tests_add_the_rest(machine: Machine) -> None:
    machine.packages(lean=True).ensure()
    machine.calls()

    machine.packages(lean=False).ensure()

    assert machine.calls()[0].endswith("full.txt")


def test_a_changed_lock_file_is_installed_again(machine: Machine) -> None:
    machine.packages(lean=True).ensure()
    machine.calls()
    machine.lean.write_text("aiohttp==3.14.6\n")

    machine.packages(lean=True).ensure()

    assert machine.calls()


def test_uv_does_it_where_there_is_one(machine: Machine) -> None:
    machine.give_uv()

    machine.packages(lean=True).ensure()

    assert [call.split()[0] for call in machine.calls()] == ["uv", "uv"]


def test_pip_does_it_where_uv_cannot(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.give_uv(status=2)

    machine.packages(lean=True).ensure()

    assert [call.split()[0] for call in machine.calls()] == ["uv", "python", "python"]
    assert "trying pip" in capfd.readouterr().out


def test_what_failed_is_tried_again_and_shown(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.give(python_of(machine.folder), status=1)
    with pytest.raises(PackageProblem, match="could not be installed"):
        machine.packages(lean=True).ensure()
    assert "Collecting aiohttp" in capfd.readouterr().err
    machine.calls()

    machine.give(python_of(machine.folder))
    machine.packages(lean=True).ensure()

    assert len(machine.calls()) == 2


def test_a_failed_change_leaves_nothing_that_passes_for_installed(machine: Machine) -> None:
    machine.packages(lean=False).ensure()
    machine.full.write_text("aiohttp==3.14.6\n")
    machine.lean.write_text("aiohttp==3.14.6\n")
    machine.give(python_of(machine.folder), status=1)
    with pytest.raises(PackageProblem):
        machine.packages(lean=False).ensure()
    machine.full.write_text("aiohttp==3.14.5\npytest==9.0.1\n")
    machine.give(python_of(machine.folder))
    machine.calls()

    machine.packages(lean=False).ensure()

    assert machine.calls(), "half of the other versions may be there"


def test_a_terminal_gets_a_bar_that_says_what_is_installed() -> None:
    out = Terminal()

    show_progress(PIP_SAYS, total=2, out=out)

    drawn = [text.strip() for text in out.getvalue().split("\r")]
    assert drawn == [
        "",
        "[############............] 1/2  aiohttp 3.14.5",
        "[############............] 1/2  downloading aiohttp, 1.7 MB",
        "[########################] 2/2  helm-python-sdk 0.1.2",
        "[########################] 2/2  unpacking all of them",
    ]


def test_a_log_gets_a_line_now_and_then() -> None:
    out = io.StringIO()
    lines = [f"Collecting part-{number}==1.0\n" for number in range(25)]

    said = show_progress(lines, total=25, out=out)

    assert out.getvalue().splitlines() == [
        "  10/25  part-9 1.0",
        "  20/25  part-19 1.0",
        "  25/25  part-24 1.0",
    ]
    assert len(said) == 25
