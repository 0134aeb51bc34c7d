"""uv, which installs several times faster than pip: the one on PATH, else one fetched by hash with pip.

Apart from `tools/packages.py`, which installs with either. It goes where pip would have gone: indexes,
certificates and the like are read from pip's settings, since in many networks only a mirror is reached. What
is said to uv itself (`UV_…`) stays. Nothing here needs more than Python itself.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools import pip

LOCK = Path(__file__).with_name("uv.txt")
_SECTIONS = ("global", "install", ":env:")
"""Of pip's settings; a later one counts more."""
_SETTING = re.compile(r"^(global|install|:env:)\.([a-z-]+)=(.*)$")
_SWITCHED_ON = ("1", "true", "yes", "on")
_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}


def find(python: Path) -> str | None:
    """The uv of PATH, else of this Python's environment; None where there is none yet."""
    return shutil.which("uv") or shutil.which("uv", path=str(python.parent))


def fetch(python: Path) -> str | None:
    """The pinned uv in this Python's environment; None, and why in one line, where it cannot be had."""
    command = [*pip.ensure(python), "install", "--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["--no-deps", "--only-binary", ":all:", "--retries", "1", "--require-hashes", "-r", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    uv = shutil.which("uv", path=str(python.parent)) if done.returncode == 0 else None
    if uv is None:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        why = f" ({said[-1].removeprefix('ERROR: ')})" if said else ""
        print(f"uv, which is faster, cannot be had here{why}: pip installs", flush=True)
    return uv


def environment(python: Path) -> dict[str, str]:
    """The variables of a process that runs uv where pip is set up."""
    called = pip.find(python)
    if called is None:
        return dict(os.environ)
    command = [*called, "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout
    return {**os.environ, **variables(listed, os.environ)}


def variables(listed: str, given: Mapping[str, str]) -> dict[str, str]:
    """What to add for uv to the variables that are given; `listed`: what `pip config list` prints."""
    settings = _settings(listed)
    found = {name: " ".join(settings[key].split()) for key, name in _TO_UV.items() if settings.get(key)}
    places = [
        place for place in settings.get("find-links", "").split() if "://" in place or Path(place).is_dir()
    ]
    if places:
        found["UV_FIND_LINKS"] = ",".join(places)
    if settings.get("no-index", "").lower() in _SWITCHED_ON:
        found["UV_OFFLINE"] = "1"
    if "UV_INDEX" in found:
        # As pip does: a version comes from whichever index has it. Its hash says that it is the locked one.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in found.items() if not (name.startswith("UV_") and name in given)}


def _settings(listed: str) -> dict[str, str]:
    sections: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listed.splitlines():
        if found := _SETTING.match(line):
            sections[found[1]][found[2]] = str(ast.literal_eval(found[3]))
    return {key: value for section in _SECTIONS for key, value in sections[section].items()}
