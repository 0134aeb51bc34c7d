"""What `pip install` brings: one top-level name, with everything that the command line needs at run time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("workflows", "activities", "workers", "providers")
"""Folders at the top level of the repository that are installed inside the package."""
SOURCES = ("airunway", *ROOMS)
DATA = (".yaml", ".json")

MANIFEST = """
apiVersion: airunway.ai/v1alpha1
kind: ModelDeployment
metadata: {name: chat, namespace: default}
spec:
  model: {id: Qwen/Qwen3-0.6B, source: huggingface}
  engine: {type: vllm}
  resources: {gpu: {count: 1}}
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: building writes into the source folder."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(target)!r})"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    (file,) = target.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def files(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def installed_as(file: Path) -> str:
    """Where a file of the checkout is in the wheel."""
    inside = file.relative_to(ROOT)
    return str(inside if inside.parts[0] == "airunway" else "airunway" / inside)


def test_it_holds_one_top_level_name(files: set[str]) -> None:
    tops = {name.split("/")[0] for name in files}

    assert {name for name in tops if not name.endswith(".dist-info")} == {"airunway"}
    assert "airunway/py.typed" in files


def test_every_module_is_in_it(files: set[str]) -> None:
    wanted = {installed_as(file) for name in SOURCES for file in (ROOT / name).rglob("*.py")}

    assert wanted <= files


def test_data_files_of_packages_are_in_it(files: set[str]) -> None:
    wanted = {
        installed_as(file)
        for name in SOURCES
        for file in (ROOT / name).rglob("*")
        if file.suffix in DATA and (file.parent / "__init__.py").exists()
    }

    assert wanted
    assert wanted <= files


def test_the_sandboxs_charts_are_in_it(files: set[str]) -> None:
    folder = ROOT / "airunway" / "sandbox" / "charts"
    wanted = {installed_as(file) for file in folder.rglob("*.yaml")}

    assert any(name.endswith("templates/all.yaml") for name in wanted)
    assert wanted <= files


def test_command_and_providers_are_registered(wheel: Path, files: set[str]) -> None:
    (name,) = [name for name in files if name.endswith("entry_points.txt")]
    text = zipfile.ZipFile(wheel).read(name).decode()

    assert "airunway = airunway.cli:main" in text
    for folder in (ROOT / "providers").glob("*/__init__.py"):
        assert f"{folder.parent.name} = airunway.providers.{folder.parent.name}:PROVIDER" in text


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and nothing of this checkout. What both depend on is this one's."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--quiet", "--no-input"]
    options = ["--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)]
    done = subprocess.run([*pip, *options], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return folder


def run_in(environment: Path, command: Sequence[str], *, text: str = "") -> str:
    """Run something of an environment, away from the checkout; answers what it printed.

    Packages of this environment are found by path: so the links to the checkout, which are read at the start
    of an environment of their own only, do not count.
    """
    program, *arguments = command
    done = subprocess.run(
        [str(environment / "bin" / program), *arguments],
        cwd=environment,
        env={**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_stands_beside_a_package_that_owns_the_name_workflows(environment: Path) -> None:
    script = """
import workflows, workflows.events
import airunway.workflows.steps
print(workflows.Workflow.__module__, airunway.workflows.steps.__file__)
"""
    theirs, ours = run_in(environment, ["python", "-c", script]).split()

    assert theirs.startswith("workflows.")
    assert Path(ours).is_relative_to(environment)


def test_its_command_plans_a_deployment(environment: Path) -> None:
    said = run_in(environment, ["airunway", "plan", "-f", "-"], text=MANIFEST)

    assert "default/chat" in said
    assert "vllm" in said
