"""Virtual environment and packages for `dev.py`: from a lock file, by hash, showing how far it is.

Apart from `dev.py`, which says what there is to do. Nothing here needs more than Python itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from tools import pip, uv
from tools.pip import PackageProblem

STAMP = ".airunway-stamp"
"""In the environment: fingerprint of what was installed there last."""
_BAR_CELLS = 24
_LINE_EVERY = 10
"""Packages between two lines of progress where nobody looks at a terminal."""
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_COLLECTING = re.compile(r"^\s*Collecting ([A-Za-z0-9._-]+)==(\S+)")
_DOWNLOADING = re.compile(r"^\s*Downloading \S*?([^/\s]+?)-[^/\s]+ \(([\d.]+ [kMG]?B)\)")
_UNPACKING = re.compile(r"^\s*Installing collected packages: ")


# -- the environment ------------------------------------------------------------------------------------


def environment(root: Path) -> Path:
    """The virtual environment that is active, else `.venv`; made when there is none."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix)
    folder = root / ".venv"
    if not python_of(folder).exists():
        _make(folder)
    return folder


def python_of(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _make(folder: Path) -> None:
    import venv

    print(f"making {folder.name}", flush=True)
    venv.create(folder, with_pip=False, clear=True)


# -- what is in it --------------------------------------------------------------------------------------


class Packages:
    """What `lock` pins, and the checkouts of `projects`, in the environment `folder`.

    `larger`: lock files that hold all of this one and more; where one of them is installed, so is this.
    """

    def __init__(
        self, folder: Path, lock: Path, *, projects: Sequence[Path], larger: Sequence[Path] = ()
    ) -> None:
        self._folder = folder
        self._lock = lock
        self._projects = projects
        self._larger = larger
        self._stamp = folder / STAMP

    def ensure(self) -> None:
        """Install what is missing; nothing when it is all there. Raises PackageProblem."""
        have = self._stamp.read_text() if self._stamp.exists() else ""
        if have in [self._fingerprint(lock) for lock in (self._lock, *self._larger)]:
            return
        self._stamp.unlink(missing_ok=True)  # what is half installed is nothing yet
        pinned = _PINNED.findall(self._lock.read_text())
        print(f"installing {self._lock.name} ({len(pinned)} packages, the first time only)", flush=True)
        editable = [part for project in self._projects for part in ("-e", str(project))]
        if not self._by_uv(editable):
            self._by_pip(len(pinned), editable)
        self._stamp.write_text(self._fingerprint(self._lock))

    def _by_uv(self, editable: Sequence[str]) -> bool:
        """Have uv do it, which shows its own bar; False where it cannot be had, or cannot: pip may."""
        python = python_of(self._folder)
        program = uv.find(python) or uv.fetch(python)
        if program is None:
            return False
        command = [program, "pip", "install", "--python", str(python), "--no-deps"]
        wanted = ["--require-hashes", "-r", str(self._lock)]
        variables = uv.environment(python)
        for what in (wanted, ["--no-build-isolation", *editable]):
            if subprocess.run([*command, *what], env=variables, check=False).returncode:
                print("uv could not install that (see above); trying pip")
                return False
        return True

    def _by_pip(self, total: int, editable: Sequence[str]) -> None:
        command = pip.ensure(python_of(self._folder))
        command += ["install", "--no-input", "--disable-pip-version-check"]
        # The lock file is whole, so there is nothing to resolve. What is not compiled now is when it is
        # imported: a tenth of it ever is.
        command += ["--no-deps", "--no-compile"]
        with subprocess.Popen(
            [*command, "--progress-bar", "off", "--require-hashes", "-r", str(self._lock)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as running:
            assert running.stdout is not None
            said = show_progress(running.stdout, total=total, out=sys.stdout)
        if running.returncode:
            print("\n".join(said[-20:]), file=sys.stderr)
            raise PackageProblem("the packages could not be installed (see above)")
        if subprocess.run([*command, "--quiet", "--no-build-isolation", *editable], check=False).returncode:
            raise PackageProblem("the checkout could not be installed (see above)")

    def _fingerprint(self, lock: Path) -> str:
        # Of the environment's Python, which need not be the one that runs this.
        made_with = self._folder / "pyvenv.cfg"
        version = made_with.read_text() if made_with.exists() else sys.version
        digest = hashlib.sha256(f"{version} {self._projects[-1]} {lock.name}".encode())
        projects = [project / name for project in self._projects for name in ("pyproject.toml", "setup.py")]
        for file in (lock, *filter(Path.exists, projects)):
            digest.update(file.read_bytes())
        return digest.hexdigest()


# -- how far it is --------------------------------------------------------------------------------------


def show_progress(lines: Iterable[str], *, total: int, out: TextIO) -> list[str]:
    """Draw what pip's output tells; answers its lines. A bar on a terminal, else a line now and then."""
    said: list[str] = []
    seen = 0
    for line in lines:
        said.append(line.rstrip("\n"))
        if found := _COLLECTING.match(line):
            seen = min(seen + 1, total)
            _draw(out, seen, total, f"{found[1]} {found[2]}")
        elif found := _DOWNLOADING.match(line):
            _draw(out, seen, total, f"downloading {found[1]}, {found[2]}", always=False)
        elif _UNPACKING.match(line):
            seen = total
            _draw(out, total, total, "unpacking all of them")
    if out.isatty():
        out.write("\n")
        out.flush()
    return said


def _draw(out: TextIO, seen: int, total: int, what: str, *, always: bool = True) -> None:
    if out.isatty():
        filled = _BAR_CELLS * seen // max(total, 1)
        width = max(shutil.get_terminal_size().columns - 1, 40)
        text = f"[{'#' * filled}{'.' * (_BAR_CELLS - filled)}] {seen}/{total}  {what}"
        out.write(f"\r{text[:width]:<{width}}")
    elif always and (seen % _LINE_EVERY == 0 or seen == total):
        out.write(f"  {seen}/{total}  {what}\n")
    out.flush()
