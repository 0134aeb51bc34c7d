"""The pages of a whole running system, in a real browser: what buttons ask for is answered by workflows."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from airunway.clients.kubernetes import DEPLOYMENTS
from tests.real.browser.system import BUILT, CHAT, LONG_MS, opened, running_system
from tests.web.pages.test_rights import ANN, BOB, allow

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


async def test_a_deployment_is_chatted_with_paused_resumed_and_scaled(browser: Browser) -> None:
    async with running_system() as (place, _):
        await place.deployment("chat", spec=CHAT)
        reader, page = await opened(browser, place, "/deployments/default/chat")
        await expect(page.locator("#phase")).to_contain_text("Running", timeout=LONG_MS)

        await page.get_by_label("Message").fill("hello")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#talk li.model")).to_have_text(re.compile(r"\w+ .*\w+"))
        await expect(page.locator("#metrics .tile")).not_to_have_count(0)

        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#said")).not_to_be_empty()
        await expect(page.locator("#phase")).to_contain_text("paused")
        await expect(page.locator("#timeline")).to_contain_text(re.compile("paus", re.IGNORECASE))
        await page.get_by_role("button", name="Resume").click()
        await expect(page.locator("#phase")).not_to_contain_text("paused")

        await page.get_by_role("spinbutton", name="Replicas").fill("2")
        await page.get_by_role("button", name="Scale").click()
        await expect(page.locator("#facts")).to_contain_text("2 ready of 2", timeout=LONG_MS)
        await expect(page.get_by_role("button", name="Retry")).to_be_disabled()
        await expect(page.locator("#facts")).to_contain_text("nothing failed; phase is Running")
        await reader.check()


async def test_a_build_is_watched_cancelled_and_begun_again(browser: Browser) -> None:
    async with running_system(download_bytes_per_second=1024) as (place, sandbox):
        await place.deployment("built", spec=BUILT)
        reader, page = await opened(browser, place, "/images")
        builds = page.locator("#builds")
        await expect(builds).to_contain_text("default/built", timeout=LONG_MS)
        await expect(builds.locator("progress[value]")).to_be_visible(timeout=LONG_MS)
        await reader.check()

        await builds.get_by_role("button", name="Cancel for it").click()

        await expect(builds).to_contain_text("Nothing is being built", timeout=LONG_MS)
        await expect(page.locator("#failed")).to_contain_text("default/built")
        found = await sandbox.cluster.get(DEPLOYMENTS, "built", namespace="default")
        reasons = [entry["reason"] for entry in found["status"]["conditions"]]
        assert any("Cancel" in reason for reason in reasons), reasons
        await expect(page.locator("#kept")).not_to_contain_text("is being built", timeout=LONG_MS)
        await reader.check()

        await page.locator("#failed").get_by_role("button", name="Build again").click()

        await expect(builds).to_contain_text("default/built", timeout=LONG_MS)
        await expect(page.locator("#failed")).to_contain_text("No build has failed", timeout=LONG_MS)
        await reader.check()


async def test_a_provider_is_installed_with_the_plan_before_and_progress_then(browser: Browser) -> None:
    async with running_system() as (place, _):
        reader, page = await opened(browser, place, "/providers/kaito")
        await page.get_by_role("link", name="Install…", exact=True).click()
        await expect(page.locator("main")).to_contain_text("What would be done")
        await expect(page.locator("main table")).to_contain_text("kaito")
        await reader.check()

        await page.get_by_role("button", name=re.compile("^Install")).click()

        await expect(page.locator("#state ol.steps li").first).to_be_visible(timeout=LONG_MS)
        await expect(page.locator("#state .verdict.good")).to_be_visible(timeout=LONG_MS)
        await expect(page.locator("#health")).to_contain_text("ready", timeout=LONG_MS)
        await reader.check()


async def test_who_may_only_look_is_told_so_by_each_button(browser: Browser) -> None:
    async with running_system(web_auth=True) as (place, sandbox):
        sandbox.api.users.add(ANN, "ann")
        sandbox.api.users.add(BOB, "bob")
        await place.namespace("team-a")
        await allow(sandbox.cluster, "ann", "*")
        await allow(sandbox.cluster, "bob", "get", "list")
        await place.deployment("chat", namespace="team-a", spec=CHAT)
        reader, page = await opened(browser, place, "/deployments/team-a/chat")

        await page.get_by_label("Kubernetes token").fill("nobody-has-it")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#refusal")).to_contain_text("does not accept this token")
        reader.complaints.clear()  # the browser tells of the refusal too
        await page.get_by_label("Kubernetes token").fill(BOB)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#facts")).to_contain_text("you may not change it")
        await expect(page.get_by_role("button", name="Pause")).to_be_disabled()
        await reader.check()

        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("Kubernetes token").fill(ANN)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("h1")).to_have_text("Fleet")
        await reader.goto("/deployments/team-a/chat")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#timeline")).to_contain_text("ann", timeout=LONG_MS)
        await reader.check()
