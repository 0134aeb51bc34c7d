"""The image installs from the lock file, by hash, and runs without root."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.txt", "requirements-runtime.txt", "requirements-installer.txt")


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(found)


def test_it_installs_by_hash() -> None:
    assert "--require-hashes -r /src/requirements-runtime.txt" in DOCKERFILE
    assert "--require-hashes -r /src/requirements-installer.txt" in DOCKERFILE
    assert "--no-deps --no-build-isolation /src" in DOCKERFILE


def test_it_does_not_run_as_root() -> None:
    assert DOCKERFILE.index("USER 65532:65532") < DOCKERFILE.index("ENTRYPOINT")


def test_every_package_is_copied_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    for package in ("airunway", "activities", "providers", "workers", "workflows"):
        assert f"COPY {package} /src/{package}" in DOCKERFILE
        assert f"!{package}" in ignored
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE", *LOCKS[1:]):
        assert f"!{file}" in ignored
        assert re.search(rf"^COPY .*\b{re.escape(file)}\b.* /src/$", DOCKERFILE, re.MULTILINE)


def test_what_the_image_installs_is_a_part_of_what_is_tested() -> None:
    everything, runtime, installer = (pins(name) for name in LOCKS)

    assert runtime.items() <= installer.items() <= everything.items()
    assert "pytest" not in runtime
    wanted = {re.split(r"[^a-z0-9-]", name)[0] for name in PROJECT["project"]["dependencies"]}
    assert wanted <= runtime.keys()


def test_helm_is_in_the_installers_image_alone() -> None:
    """It is large and young, and the account that it runs under may do nearly everything."""
    runtime, installer = pins("requirements-runtime.txt"), pins("requirements-installer.txt")
    stages = dict(
        re.findall(r"^FROM \S+(?: AS (\S+))?\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    )

    assert installer.keys() - runtime.keys() == {"helm-python-sdk"}
    assert [name for name, text in stages.items() if "requirements-installer.txt" in text] == [
        "build-installer"
    ]
    assert [name for name, text in stages.items() if "--from=build-installer" in text] == ["installer"]
    assert list(stages)[-1] == "", "what is built without a target is the image without Helm"


def test_every_pin_has_a_hash() -> None:
    for name in LOCKS:
        text = (ROOT / name).read_text()
        for entry in re.split(r"\n(?=[a-z0-9])", text):
            assert "==" not in entry.splitlines()[0] or "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_lock_files_name_no_registry() -> None:
    for name in LOCKS:
        assert "://" not in (ROOT / name).read_text()
