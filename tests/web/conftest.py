"""An application before an emulated cluster, for every test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.place import WebPlace, web_place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[WebPlace]:
    """Without sign-in and without Temporal."""
    async with web_place(tmp_path) as made:
        yield made
