"""Everything on the pages is reached and used with a keyboard, and one sees where one is."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from airunway.clients.kubernetes import DEPLOYMENTS
from tests.real.browser.chromium import Reader
from tests.real.browser.test_pages import furnish
from tests.web.place import WebPlace

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

PAGES = (
    "/",
    "/deploy",
    "/deployments/default/broken",
    "/deployments/default/chat",
    "/deployments/default/chat/edit",
    "/deployments/default/broken/logs",
    "/images",
    "/providers",
    "/providers/kaito",
)
NAME_OF = """const nameOf = (one) => [one.tagName, one.getAttribute("href") || one.name || one.id
  || one.getAttribute("aria-labelledby") || one.getAttribute("aria-label")
  || one.textContent.trim()].join(" ");"""
"""By what something is told from others, also when a part of the page is fetched again meanwhile."""
USABLE = f"""() => {{ {NAME_OF}
  const all = document.querySelectorAll(
    'a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex="0"]');
  return [...all].filter((one) => one.checkVisibility() && one.type !== "hidden").map(nameOf);
}}"""
"""What a mouse could use."""
FOCUSED = f"""() => {{ {NAME_OF}
  const style = getComputedStyle(document.activeElement);
  const isShown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return [nameOf(document.activeElement), isShown];
}}"""


async def tab_to(page: Page, name: str, role: str = "button") -> None:
    """Press Tab until something has the focus."""
    wanted = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
    for _ in range(80):
        if await wanted.evaluate("entry => entry === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{role} {name} is not reached with Tab")


async def test_whatever_can_be_used_is_reached_with_tab_and_shows_that_it_is(
    place: WebPlace, browser: Browser
) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)

    for path in PAGES:
        await reader.goto(path)
        there = await reader.page.evaluate(USABLE)
        reached: set[str] = set()
        unseen: set[str] = set()
        for _ in range(len(there) + 5):
            await reader.page.keyboard.press("Tab")
            name, is_shown = await reader.page.evaluate(FOCUSED)
            reached.add(name)
            if name in there and not is_shown:
                unseen.add(name)
        assert (path, set(there) - reached, unseen) == (path, set(), set())


async def test_a_deployment_is_made_changed_and_deleted_without_a_mouse(
    place: WebPlace, browser: Browser
) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    page, keyboard = reader.page, reader.page.keyboard
    await reader.goto("/")
    await keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()

    await tab_to(page, "Deploy a model", "link")
    await keyboard.press("Enter")
    await tab_to(page, "Name", "textbox")
    await keyboard.press("Control+A")
    await keyboard.type("by-hand")
    await expect(page.locator("#plan")).to_contain_text("default/by-hand")
    await tab_to(page, "Create")
    await keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("default/by-hand")

    await tab_to(page, "Replicas", "spinbutton")
    await keyboard.press("Control+A")
    await keyboard.type("2")
    await keyboard.press("Enter")
    await expect(page.locator("#said")).to_contain_text("2 replicas asked for")

    for _ in range(80):
        await keyboard.press("Tab")
        if await page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    await keyboard.press("Enter")
    await tab_to(page, "Delete default/by-hand")
    assert reader.complaints == []  # from here on the page may look again for what is not there
    await keyboard.press("Enter")
    await expect(page.locator("#said")).to_contain_text("its deletion has begun")
    assert await place.cluster.find(DEPLOYMENTS, "by-hand", namespace="default") is None
