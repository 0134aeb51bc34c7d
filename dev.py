#!/usr/bin/env python3
"""Set up and run everything from a checkout. Needs Python 3.11 or newer and nothing else.

    python3 dev.py up          try the whole system on this machine (arguments go to `airunway up`)
    python3 dev.py test        the tests that need nothing but Python (arguments go to pytest)
    python3 dev.py test-real   the tests against real servers, which it builds first (needs Go)

    python3 dev.py airunway …  the command line
    python3 dev.py lint        style, imports and their directions
    python3 dev.py types       mypy
    python3 dev.py format      put the code into shape
    python3 dev.py generate    what is generated: manifests, tables, BuildKit's messages
    python3 dev.py docs        the documentation as a site, every link followed: build/site
    python3 dev.py screenshots the pictures of the documentation, taken anew (needs Chromium)
    python3 dev.py lock        requirements*.txt and tools/uv.txt from pyproject.toml
    python3 dev.py pin         images of others in docker-compose.yaml and Dockerfile, by the digests of now
    python3 dev.py sbom        what the images hold: build/sbom/*.cdx.json (CycloneDX) and *.licences.txt
    python3 dev.py setup       only install

`up` and `airunway` install requirements-sandbox.txt, the rest requirements.txt: by hash, into .venv, or into
the virtual environment that is active; again only when a lock file or pyproject.toml changed. uv does it (the
one on PATH, else tools/uv.txt, fetched by hash too) with pip's settings, or pip itself where there is no uv.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import uv
from tools.packages import Packages, environment
from tools.packages import python_of as _python
from tools.pip import PackageProblem

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements.txt"
SANDBOX_LOCK = ROOT / "requirements-sandbox.txt"  # what runs the sandbox and the command line: no tests
PROJECT = ROOT / "pyproject.toml"
PROJECTS = (ROOT / "emulator", ROOT)  # installed from the checkout, each with a pyproject.toml
ROOMS = (
    "workflows",
    "activities",
    "workers",
    "providers",
)  # top-level folders inside the package; see setup.py
VIEW = ROOT / "build" / "view"
OLDEST = (3, 11)
# Of ten thousand tests, a thousand against servers with chances of their own, hardly ever all are lucky. A
# second try is shown with what went wrong in the first; only a handful may have one: what is broken fails.
SECOND_TRY = ["--reruns", "1", "--max-suite-reruns", "4", "--rerun-show-tracebacks"]
# A process starts servers of its own, and each test file is one process' from its first test to its last.
REAL_PROCESSES = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
GENERATORS = (
    "airunway.api.crd",
    "tools.generate.builder_policy",
    "tools.generate.chart_schema",
    "tools.generate.manifests",
    "tools.generate.settings_table",
    "tools.generate.metrics_tables",
    "tools.generate.reference",
    "tools.generate.buildkit_messages",
    "tests.conformance.record",
)

RUNTIME_LOCK = "requirements-runtime.txt"  # what the container image installs: no tools, no tests
INSTALLER_LOCK = "requirements-installer.txt"  # what the installer's image installs: the same, and Helm
LOCK_OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
LOCK_OPTIONS += ["--no-emit-index-url", "--no-emit-find-links", "--no-emit-package", "kube-emulator"]


class Problem(Exception):
    """What stands in the way, and what to do about it."""


def install(folder: Path, command: str) -> None:
    """Install what a command needs, unless it is there."""
    if command in LEAN:
        Packages(folder, SANDBOX_LOCK, projects=PROJECTS, larger=[LOCK]).ensure()
    else:
        Packages(folder, LOCK, projects=PROJECTS).ensure()


def keep_bytecode(folder: Path) -> None:
    """Have what is compiled kept with the packages where none may lie beside the code.

    Otherwise each process compiles all that it imports again, some seconds long.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))


def package_view() -> Path:
    """The package as it is installed, for tools blind to editable installs: the same files by hard links."""
    shutil.rmtree(VIEW, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    package = VIEW / "airunway"
    for source, target in [(ROOT / "airunway", package), *((ROOT / room, package / room) for room in ROOMS)]:
        shutil.copytree(source, target, copy_function=os.link, ignore=ignore)
    return VIEW


# -- commands -------------------------------------------------------------------------------------------


def airunway(folder: Path, arguments: list[str]) -> None:
    """The command line, where you are: its arguments may be relative paths."""
    _become([str(_python(folder)), "-m", "airunway.cli", *arguments], where=None)


def up(folder: Path, arguments: list[str]) -> None:
    """The sandbox."""
    airunway(folder, ["up", *arguments])


def test(folder: Path, arguments: list[str]) -> None:
    """Every test that needs no real servers."""
    _become([*_pytest(folder), "-m", "not real", "-n", "auto", *SECOND_TRY, *arguments])


def test_real(folder: Path, arguments: list[str]) -> None:
    """Build or install the real servers, then every test that needs them; a missing one is a failure."""
    python = str(_python(folder))
    _run([python, "tools/real/debian.py"], "PostgreSQL, OpenSSL, runc or promtool is missing")
    _run([python, "tools/real/build.py"], "the real servers could not be built")
    os.environ["AIRUNWAY_REAL"] = "1"
    _become([*_pytest(folder), "-m", "real", *REAL_PROCESSES, *SECOND_TRY, *arguments])


def _pytest(folder: Path) -> list[str]:
    """pytest with our settings, also where only tests of the emulator are named, which has its own."""
    return [str(_python(folder)), "-m", "pytest", "-c", str(PROJECT), "--rootdir", str(ROOT)]


def lint(folder: Path, arguments: list[str]) -> None:
    """Style, and the directions of imports."""
    python = str(_python(folder))
    _run([python, "-m", "ruff", "check", *arguments], "ruff has findings")
    _run([python, "-m", "ruff", "format", "--check"], "some files are not formatted; run: dev.py format")
    lint_imports = [str(_python(folder).parent / "lint-imports"), "--config", str(ROOT / ".importlinter")]
    _run(lint_imports, "imports point the wrong way", where=package_view())  # it looks there first


def types(folder: Path, arguments: list[str]) -> None:
    """mypy over our packages."""
    places = (package_view(), ROOT / "emulator", ROOT / "examples" / "acme-provider")
    os.environ["MYPYPATH"] = os.pathsep.join(map(str, places))
    _become([str(_python(folder)), "-m", "mypy", *arguments])


def format_code(folder: Path, arguments: list[str]) -> None:
    """Format, and fix what can be fixed without thinking."""
    python = str(_python(folder))
    _run([python, "-m", "ruff", "check", "--fix", "--quiet", *arguments], "ruff has findings")
    _become([python, "-m", "ruff", "format", *arguments])


def generate(folder: Path, _arguments: list[str]) -> None:
    """Write what is generated from the code."""
    for module in GENERATORS:
        _run([str(_python(folder)), "-m", module], f"{module} failed")


def docs(folder: Path, arguments: list[str]) -> None:
    """Build the site; a link that leads nowhere, or a page that nobody finds, is a failure."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    command = [str(_python(folder)), "-m", "mkdocs", "build", "--strict", *arguments]
    _run(command, "the site could not be built")


def screenshots(folder: Path, arguments: list[str]) -> None:
    """Take the pictures of docs/screenshots anew: of pages as the tests furnish them, of the dashboard."""
    os.environ |= {"AIRUNWAY_REAL": "1", "AIRUNWAY_SCREENSHOTS": str(ROOT / "docs" / "screenshots")}
    tests = ["tests/real/browser/test_pages.py", "tests/real/dashboard/test_sandbox.py"]
    _become([*_pytest(folder), "-q", *tests, "-k", "every_page or is_drawn", *arguments])


def lock(folder: Path, arguments: list[str]) -> None:
    """Resolve pyproject.toml into the lock files; those of the images hold parts of the first."""
    python = _python(folder)
    program = uv.find(python) or uv.fetch(python)
    if program is None:
        raise Problem("the lock files could not be made: there is no uv")
    resolve = [program, "pip", "compile", *LOCK_OPTIONS, *arguments]
    os.environ.update(uv.environment(python))
    own = ["--group", "uv", "--no-annotate", "-o", str(uv.LOCK.relative_to(ROOT))]
    _run([*resolve, *own], "uv's own lock file could not be made")
    compile_command = [*resolve, PROJECT.name]
    _run([*compile_command, "--extra", "test", "-o", LOCK.name], "the lock file could not be made")
    part = ["--extra", "build", "--extra", "otel", "--extra", "web", "-c", LOCK.name, "--no-annotate"]
    _run([*compile_command, *part, "-o", RUNTIME_LOCK], "the image's lock file could not be made")
    installer = [*part, "--extra", "installer", "-o", INSTALLER_LOCK]
    _run([*compile_command, *installer], "the lock file of the installer's image could not be made")
    sandbox = ["--extra", "build", "--extra", "sandbox", "-c", LOCK.name, "--no-annotate"]
    _run([*compile_command, *sandbox, "-o", SANDBOX_LOCK.name], "the sandbox's lock file could not be made")


def sbom(folder: Path, arguments: list[str]) -> None:
    """Say what each image holds of Python packages, and under which licences."""
    for lock_file in (RUNTIME_LOCK, INSTALLER_LOCK):
        command = [str(_python(folder)), "-m", "tools.sbom", lock_file, *arguments]
        _run(command, f"what {lock_file} installs could not be listed")


def pin(folder: Path, arguments: list[str]) -> None:
    """Ask registries which digest the tags of others' images stand for, and write it behind them."""
    _run([str(_python(folder)), "-m", "tools.pin_images", *arguments], "images could not be pinned")


def setup(_folder: Path, _arguments: list[str]) -> None:
    """Nothing beyond installing."""
    print("installed")


COMMANDS = {
    "up": up,
    "test": test,
    "test-real": test_real,
    "airunway": airunway,
    "lint": lint,
    "types": types,
    "format": format_code,
    "generate": generate,
    "docs": docs,
    "screenshots": screenshots,
    "lock": lock,
    "pin": pin,
    "sbom": sbom,
    "setup": setup,
}
LEAN = ("up", "airunway")
"""Commands that need no tools and no tests."""


def _run(command: list[str], problem: str, *, where: Path = ROOT) -> None:
    try:
        done = subprocess.run(command, cwd=where, check=False)
    except FileNotFoundError:
        raise Problem(f"{problem}: there is no command {command[0]}") from None
    if done.returncode:
        raise Problem(f"{problem} (see above)")


def _become(command: list[str], *, where: Path | None = ROOT) -> None:
    """Go on as another program, so that Ctrl-C and the exit status are its own."""
    if where is not None:
        os.chdir(where)
    sys.stdout.flush()
    if os.name == "nt":
        sys.exit(subprocess.run(command, check=False).returncode)
    os.execv(command[0], command)


def main(arguments: list[str]) -> int:
    """Run one command."""
    if sys.version_info < OLDEST:
        have = ".".join(map(str, sys.version_info[:3]))
        print(f"error: Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {have}", file=sys.stderr)
        return 1
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        print(f"error: no command {arguments[0]}; there are: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        folder = environment(ROOT)
        keep_bytecode(folder)
        install(folder, arguments[0])
        command(folder, arguments[1:])
    except (Problem, PackageProblem) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
