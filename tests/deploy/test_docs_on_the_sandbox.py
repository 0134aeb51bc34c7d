"""Blocks marked `sh test up`, which readers are to try beside a running sandbox, work there, page by page."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.deploy.manifests import ROOT

PAGES = ("README.md", "docs/tutorial.md", "docs/private-models.md")
BLOCK = re.compile(r"^```sh test up\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START_SECONDS = 200

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="the blocks call kubectl"),
]


def environment(folder: Path) -> dict[str, str]:
    """Ours without settings and clusters; what opens an editor leaves the text as it is."""
    ours = ("AIRUNWAY_", "KUBECONFIG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(folder), "KUBE_EDITOR": "true"}


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Path]:
    """The folder in which `airunway up` runs its samples."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airunway.cli", "up"),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(START_SECONDS):
        while "every sample runs" not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
    rest = asyncio.create_task(process.stdout.read())
    yield tmp_path
    process.send_signal(signal.SIGINT)
    await process.wait()
    await rest


@pytest.mark.parametrize("page", PAGES)
async def test_a_pages_blocks_work_one_after_the_other(page: str, sandbox: Path) -> None:
    blocks = BLOCK.findall((ROOT / page).read_text())
    # dev.py would look first whether all is installed: that it is, these tests know.
    script = "\n".join(blocks).replace("python3 dev.py airunway", f"{sys.executable} -m airunway.cli")

    process = await asyncio.create_subprocess_exec(
        *("bash", "-euxo", "pipefail", "-c", script),
        cwd=sandbox,
        env=environment(sandbox),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()

    assert blocks
    assert process.returncode == 0, out.decode()


def test_every_page_with_such_blocks_is_tried() -> None:
    marked = {
        file
        for file in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        if BLOCK.search(file.read_text())
    }

    assert marked == {ROOT / page for page in PAGES}
