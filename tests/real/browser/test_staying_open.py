"""A page that stays open: it becomes what its deployment becomes, and says when it is an old one."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from airunway.clients.kubernetes import DEPLOYMENTS
from tests.real.browser.chromium import Reader
from tests.real.browser.test_pages import furnish
from tests.web.place import WebPlace

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

NEW = "/deployments/default/new"
TABS = 9
"""More than a browser has connections to one server."""
HIDE = """(isHidden) => {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser does when another tab is looked at."""


async def become(place: WebPlace, name: str, **status: object) -> None:
    await place.cluster.patch(
        DEPLOYMENTS, name, {"status": status}, namespace="default", subresource="status"
    )


async def test_one_that_serves_by_now_is_chatted_with_on_the_same_page(
    place: WebPlace, browser: Browser
) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    page = reader.page
    await reader.goto(NEW)
    await expect(page.locator("#chat")).to_have_count(0)

    await become(place, "new", phase="Running", endpoint={"service": "new", "port": 8000})

    await expect(page.locator("#chat")).to_be_visible()
    await expect(page.locator("#metrics")).not_to_contain_text("Read by a script", timeout=60_000)
    assert reader.complaints == []
    await page.get_by_label("Message").fill("hello")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#talk li.me")).to_have_text("hello")
    await expect(page.locator("#talk li.model")).not_to_have_text("…")
    await become(place, "new", phase="Failed", message="its node is gone")
    await expect(page.locator("#facts")).to_contain_text("its node is gone")
    await expect(page.locator("#talk li.me")).to_have_text("hello")


async def test_one_that_is_gone_is_shown_no_longer(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    await reader.goto(NEW)
    await expect(reader.page.get_by_role("button", name="Scale")).to_be_visible()

    await place.cluster.delete(DEPLOYMENTS, "new", namespace="default")

    await expect(reader.page.locator("h1")).to_have_text("Not there")
    await expect(reader.page.get_by_role("button", name="Scale")).to_have_count(0)


async def test_more_tabs_than_a_browser_has_connections_are_all_read(
    place: WebPlace, browser: Browser
) -> None:
    await furnish(place)
    context = await browser.new_context()
    tabs: list[Page] = []
    for _ in range(TABS):
        tabs.append(page := await context.new_page())
        await page.goto(place.url + NEW)
        await expect(page.locator("#phase")).to_contain_text("not taken up")
        await page.evaluate(HIDE, True)

    await become(place, "new", phase="Deploying", message="its pods are starting")
    await tabs[0].evaluate(HIDE, False)

    await expect(tabs[0].locator("#phase")).to_contain_text("Deploying")


async def test_a_page_says_that_it_is_old_until_the_server_answers_again(
    place: WebPlace, browser: Browser
) -> None:
    await furnish(place)
    page = await browser.new_page()
    await page.goto(place.url + NEW)
    outdated = page.locator("#outdated")
    await page.route(f"**{NEW}", lambda route: route.abort())

    await become(place, "new", phase="Deploying", message="its pods are starting")
    await expect(outdated).to_contain_text("the server does not answer")
    await page.unroute(f"**{NEW}")
    await become(place, "new", phase="Failed", message="they do not start")

    await expect(page.locator("#facts")).to_contain_text("they do not start")
    await expect(outdated).to_be_empty()


async def test_a_stream_that_was_refused_is_asked_for_again(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    page = await browser.new_page()
    await page.route("**/events**", lambda route: route.fulfill(status=503))
    await page.goto(place.url + NEW)
    await page.unroute("**/events**")

    await become(place, "new", phase="Deploying", message="its pods are starting")

    await expect(page.locator("#phase")).to_contain_text("Deploying", timeout=30_000)


async def test_what_is_sent_at_once_is_what_was_typed_last(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    page = await browser.new_page()
    await page.goto(f"{place.url}/deploy")
    await page.get_by_label("Name", exact=True).fill("typed")
    await expect(page.locator("#yaml")).to_have_value(re.compile("name: typed"))

    await page.get_by_label("GPUs of a replica").fill("3")
    await page.get_by_role("button", name="Create").dblclick()

    await expect(page.locator("h1")).to_have_text("default/typed")
    made = await place.cluster.get(DEPLOYMENTS, "typed", namespace="default")
    assert made["spec"]["resources"]["gpu"]["count"] == 3
