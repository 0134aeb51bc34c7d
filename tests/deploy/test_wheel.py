"""What `pip install` brings holds everything that the command line needs at run time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = [
    pattern.removesuffix("*")
    for pattern in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"][
        "find"
    ]["include"]
]
DATA = (".yaml", ".json")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy: building writes into the source folder."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(target)!r})"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    (file,) = target.glob("*.whl")
    return zipfile.ZipFile(file)


def test_every_module_is_in_it(wheel: zipfile.ZipFile) -> None:
    wanted = {str(file.relative_to(ROOT)) for name in PACKAGES for file in (ROOT / name).rglob("*.py")}

    assert wanted <= set(wheel.namelist())


def test_data_files_of_packages_are_in_it(wheel: zipfile.ZipFile) -> None:
    wanted = {
        str(file.relative_to(ROOT))
        for name in PACKAGES
        for file in (ROOT / name).rglob("*")
        if file.suffix in DATA and (file.parent / "__init__.py").exists()
    }

    assert wanted
    assert wanted <= set(wheel.namelist())


def test_the_sandboxs_charts_are_in_it(wheel: zipfile.ZipFile) -> None:
    folder = ROOT / "sandbox" / "charts"
    wanted = {str(file.relative_to(ROOT)) for file in folder.rglob("*.yaml")}

    assert any(name.endswith("templates/all.yaml") for name in wanted)
    assert wanted <= set(wheel.namelist())


def test_command_and_providers_are_registered(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    text = wheel.read(name).decode()

    assert "airunway = workers.cli:main" in text
    for folder in (ROOT / "providers").glob("*/__init__.py"):
        assert f"{folder.parent.name} = providers.{folder.parent.name}:PROVIDER" in text
