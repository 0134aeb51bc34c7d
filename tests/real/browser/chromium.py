"""Debian's Chromium, driven by Playwright; and what must hold of every page that it shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.servers.fixtures import require

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
SHOTS = "AIRUNWAY_SCREENSHOTS"
"""A folder of pictures of the pages, docs/screenshots: those that it has are taken anew."""
AXE_RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


def chromium_path() -> str:
    """Where it is."""
    found = shutil.which("chromium") or ""
    require(None if found else "there is no chromium: python3 tools/real/debian.py installs it")
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=chromium_path(), args=list(ARGUMENTS), timeout=PATIENCE_MS
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Reader:
    """Somebody who reads the pages; complaints of the browser are kept."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda err: self.complaints.append(str(err)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    async def goto(self, path: str) -> None:
        """Load a page."""
        await self.page.goto(self.url + path)

    async def check(self) -> None:
        """No complaint of the browser, and nothing that keeps somebody from reading or using it."""
        assert self.complaints == []
        found = await Axe().run(self.page, options=AXE_RULES)
        violations = [
            f"{entry['id']}: {entry['help']}: {[node['html'] for node in entry['nodes']][:3]}"
            for entry in found.response["violations"]
        ]
        assert violations == []

    async def picture(self, name: str) -> None:
        """Keep what is seen, where somebody wants pictures and the documentation has one of this name."""
        folder = os.environ.get(SHOTS)
        if folder and (file := Path(folder) / f"{name}.png").exists():
            await self.page.screenshot(path=file)
