"""`dev.py` installs what a command needs, once, by uv or pip, and says how far it is."""

from __future__ import annotations

import io
import os
import stat
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NamedTuple

import pytest

from tools import pip, uv
from tools.packages import Packages, python_of, show_progress
from tools.pip import PackageProblem

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
        self.own_pip = self.folder / "lib" / "python3" / "site-packages" / "pip"
        self.own_pip.mkdir(parents=True)

    def offer_uv(self) -> None:
        """The package index has it: who installs it finds it beside Python."""
        python = python_of(self.folder)
        self.give(python.with_name("offered"))
        text = python.read_text()
        offered = f"{str(python.with_name('offered'))!r}"
        taken = f"if 'uv.txt' in called: os.rename({offered}, {str(python.with_name('uv'))!r})\n"
        python.write_text(
            text.replace("import sys\n", "import os, sys\n").replace("sys.exit", f"{taken}sys.exit")
        )

    def give(self, program: Path, *, status: int = 0) -> None:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f"called = ' '.join([sys.argv[0].rpartition('/')[2], *sys.argv[1:]])\n"
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
    _, locked, checkout = machine.calls()
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

    assert machine.calls()[1].endswith("full.txt")


def test_a_changed_lock_file_is_installed_again(machine: Machine) -> None:
    machine.packages(lean=True).ensure()
    machine.calls()
    machine.lean.write_text("aiohttp==3.14.6\n")

    machine.packages(lean=True).ensure()

    assert machine.calls()


def test_uv_does_it_where_there_is_one(machine: Machine) -> None:
    machine.give_uv()

    machine.packages(lean=True).ensure()

    asked, locked, checkout = machine.calls()
    assert asked == "python -m pip config list"
    assert locked.startswith("uv pip install")
    assert "--require-hashes -r" in locked
    assert checkout.startswith("uv pip install")


def test_uv_is_fetched_once_by_hash_where_there_is_none(machine: Machine) -> None:
    machine.offer_uv()

    machine.packages(lean=True).ensure()
    fetched, _asked, *installed = machine.calls()
    machine.packages(lean=False).ensure()
    asked_again, *installed_again = machine.calls()

    assert fetched.startswith("python -m pip install")
    assert f"--require-hashes -r {uv.LOCK}" in fetched
    assert [call.split()[0] for call in installed] == ["uv", "uv"]
    assert asked_again == "python -m pip config list"
    assert [call.split()[0] for call in installed_again] == ["uv", "uv"]


def test_pip_does_it_and_says_so_in_a_line_where_no_uv_is_to_be_had(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.packages(lean=True).ensure()

    assert [call.split()[0] for call in machine.calls()] == ["python", "python", "python"]
    said = [line for line in capfd.readouterr().out.splitlines() if "uv" in line]
    assert said == ["uv, which is faster, cannot be had here: pip installs"]


def test_an_environment_without_pip_is_served_by_that_of_the_python_which_runs_this(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.own_pip.rmdir()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "22.3")

    python = python_of(machine.folder)

    assert pip.ensure(python) == [sys.executable, "-m", "pip", "--python", str(python)]
    assert machine.calls() == []


@pytest.mark.parametrize("version", ["22.2.1", "9.0", None])
def test_pip_is_put_into_an_environment_that_no_other_can_serve(
    version: str | None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version_of(name: str) -> str:
        if version is None:
            raise PackageNotFoundError(name)
        return version

    machine.own_pip.rmdir()
    monkeypatch.setattr("importlib.metadata.version", version_of)

    machine.packages(lean=True).ensure()

    calls = machine.calls()
    assert calls[0] == "python -m ensurepip --default-pip"
    assert calls[-1].startswith("python -m pip install")


def test_uv_needs_no_pip(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.own_pip.rmdir()
    machine.give_uv()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.0")

    machine.packages(lean=True).ensure()

    assert [call.split()[0] for call in machine.calls()] == ["uv", "uv"]


def test_a_python_that_can_make_no_pip_says_what_to_install(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.own_pip.rmdir()
    machine.give(python_of(machine.folder), status=1)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.0")

    with pytest.raises(PackageProblem, match="apt install python"):
        machine.packages(lean=True).ensure()


def test_the_lock_file_of_uv_holds_it_and_its_hashes_alone() -> None:
    lines = uv.LOCK.read_text().splitlines()

    assert [line for line in lines if not line.startswith("    --hash=sha256:")] == [lines[0]]
    assert lines[0].startswith("uv==")
    assert len(lines) > 10, "a wheel for each kind of machine"


class Case(NamedTuple):
    reason: str
    listed: str
    want: dict[str, str]
    given: dict[str, str] = {}  # noqa: RUF012  (a tuple's default, never changed)


CASES = [
    Case("nothing is set", "", {}),
    Case(
        "a mirror", "global.index-url='https://mirror/simple'", {"UV_DEFAULT_INDEX": "https://mirror/simple"}
    ),
    Case(
        "a variable counts more than a file, and pip install's section more than the general one",
        ":env:.index-url='https://c'\ninstall.index-url='https://b'\nglobal.index-url='https://a'\n"
        "global.cert='/a.pem'\ninstall.cert='/b.pem'\ndownload.cert='/c.pem'",
        {"UV_DEFAULT_INDEX": "https://c", "SSL_CERT_FILE": "/b.pem"},
    ),
    Case(
        "several more indexes, a line each in the file, are equals as for pip",
        r"global.extra-index-url='\nhttps://a\nhttps://b'",
        {"UV_INDEX": "https://a https://b", "UV_INDEX_STRATEGY": "unsafe-best-match"},
    ),
    Case(
        "folders of wheels that are there, without an index",
        f"global.no-index='true'\nglobal.find-links='/no/such/folder {Path(__file__).parent} https://wheels/'",
        {"UV_OFFLINE": "1", "UV_FIND_LINKS": f"{Path(__file__).parent},https://wheels/"},
    ),
    Case(
        "how it is reached",
        "global.trusted-host='mirror'\n:env:.default-timeout='180'\nglobal.proxy='http://p:1'\n"
        "global.client-cert='/me.pem'",
        {
            "UV_INSECURE_HOST": "mirror",
            "UV_HTTP_TIMEOUT": "180",
            "ALL_PROXY": "http://p:1",
            "SSL_CLIENT_CERT": "/me.pem",
        },
    ),
    Case(
        "what is said to uv itself stays",
        "global.index-url='https://a'\nglobal.timeout='5'",
        {"UV_HTTP_TIMEOUT": "5"},
        given={"UV_DEFAULT_INDEX": "https://mine"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_uv_goes_where_pip_would_have_gone(case: Case) -> None:
    assert uv.variables(case.listed, case.given) == case.want


def test_pip_does_it_where_uv_cannot(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.give_uv(status=2)

    machine.packages(lean=True).ensure()

    assert [call.split()[0] for call in machine.calls()] == ["python", "uv", "python", "python"]
    assert "trying pip" in capfd.readouterr().out


def test_what_failed_is_tried_again_and_shown(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.give(python_of(machine.folder), status=1)
    with pytest.raises(PackageProblem, match="could not be installed"):
        machine.packages(lean=True).ensure()
    assert "Collecting aiohttp" in capfd.readouterr().err
    machine.calls()

    machine.give(python_of(machine.folder))
    machine.packages(lean=True).ensure()

    assert len(machine.calls()) == 3


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
