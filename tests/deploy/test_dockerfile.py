"""The image installs from the lock file, by hash, and runs without root."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(found)


def test_it_installs_by_hash() -> None:
    assert "--require-hashes -r /src/requirements-runtime.txt" in DOCKERFILE
    assert "--no-deps --no-build-isolation /src" in DOCKERFILE


def test_it_does_not_run_as_root() -> None:
    assert DOCKERFILE.index("USER 65532:65532") < DOCKERFILE.index("ENTRYPOINT")


def test_every_package_is_copied_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    for package in ("airunway", "activities", "providers", "workers", "workflows"):
        assert f"COPY {package} /src/{package}" in DOCKERFILE
        assert f"!{package}" in ignored
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "requirements-runtime.txt"):
        assert f"!{file}" in ignored
        assert re.search(rf"^COPY .*\b{re.escape(file)}\b.* /src/$", DOCKERFILE, re.MULTILINE)


def test_what_the_image_installs_is_a_part_of_what_is_tested() -> None:
    everything, runtime = pins("requirements.txt"), pins("requirements-runtime.txt")

    assert runtime.items() <= everything.items()
    assert "pytest" not in runtime
    wanted = {re.split(r"[^a-z0-9-]", name)[0] for name in PROJECT["project"]["dependencies"]}
    assert wanted <= runtime.keys()


def test_every_pin_has_a_hash() -> None:
    for name in ("requirements.txt", "requirements-runtime.txt"):
        text = (ROOT / name).read_text()
        for entry in re.split(r"\n(?=[a-z0-9])", text):
            assert "==" not in entry.splitlines()[0] or "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_lock_files_name_no_registry() -> None:
    for name in ("requirements.txt", "requirements-runtime.txt"):
        assert "://" not in (ROOT / name).read_text()
