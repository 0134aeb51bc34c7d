"""A web process before an emulated cluster, and a browser that reads its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from airunway.web import identity
from tests.real.browser.chromium import Reader, chromium
from tests.web.place import WebPlace, web_place


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WebPlace]:
    """Without sign-in and without Temporal. Pictures are taken of its pages: they show nobody's name."""
    monkeypatch.setattr(identity, "person_identity", lambda: "you@laptop")
    async with web_place(tmp_path) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture(params=["light", "dark"])
async def reader(request: pytest.FixtureRequest, place: WebPlace, browser: Browser) -> Reader:
    """Who prefers light or dark pages."""
    page = await browser.new_page(color_scheme=request.param, viewport={"width": 1280, "height": 860})
    return Reader(page, place.url)
