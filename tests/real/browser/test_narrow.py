"""On a telephone, too, whatever things are called and however much is said of them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.real.browser.chromium import Reader
from tests.real.browser.test_keyboard import PAGES
from tests.real.browser.test_pages import furnish
from tests.web.place import WebPlace

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

NAMESPACE, NAME = "n" * 63, "a-name-that-somebody-had-generated-" * 6 + "end"
SAID = "w" * 10_000


async def test_no_page_is_wider_than_the_window(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    await place.namespace(NAMESPACE)
    said = {"type": "ModelImageReady", "status": "False", "reason": "BuildFailed", "message": SAID}
    await place.deployment(
        NAME,
        namespace=NAMESPACE,
        spec={"model": {"id": "org/" + "x" * 80}},
        phase="Failed",
        message=SAID,
        conditions=[{**said, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    )
    await place.until(lambda: bool((place.state.fleet.deployment(NAMESPACE, NAME) or {}).get("status")))
    page = await browser.new_page(viewport={"width": 390, "height": 844})
    reader = Reader(page, place.url)

    for path in (*PAGES, f"/deployments/{NAMESPACE}/{NAME}", "/nothing"):
        await reader.goto(path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert (path, width) == (path, 390)
