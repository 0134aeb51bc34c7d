"""The pages of a whole running system, in a real browser: what buttons ask for is answered by workflows."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from temporalio.client import Client

from airunway.cli.up_servers import without_network
from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import DEPLOYMENTS, Resource
from airunway.messages.search_attributes import SEARCH_ATTRIBUTES
from airunway.sandbox import prerequisites
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from tests.real.browser.chromium import PATIENCE_MS, Reader
from tests.web.pages.test_rights import ANN, BOB, allow
from tests.web.place import WebPlace, web_before

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

NAMESPACES = Resource("v1", "namespaces")
LONG_MS = 3 * PATIENCE_MS
"""For what several workflows do one after the other."""
CHAT: dict[str, Any] = {
    "model": {"id": "acme/chat"},
    "engine": {"type": "vllm"},
    "provider": {"name": "vllm"},
    "resources": {"gpu": {"count": 1}},
}
BUILT: dict[str, Any] = {
    "model": {"id": "example/Tiny-GGUF"},
    "provider": {"name": "kaito"},
    "engine": {"type": "llamacpp"},
    "resources": {"memory": "1Gi"},
}


@asynccontextmanager
async def running_system(
    *, download_bytes_per_second: float = 0.0, **of_web: Any
) -> AsyncIterator[tuple[WebPlace, Sandbox]]:
    """What `airunway up` runs, everything but downloads at once; operators are not installed."""
    timing = dataclasses.replace(Timing.instant(), download_bytes_per_second=download_bytes_per_second)
    attributes = {key.name: "Keyword" for key in SEARCH_ATTRIBUTES}
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            Sandbox(timing=timing, headless=True, installed=False, search_attributes=attributes)
        )
        await apply_own_crds(sandbox.cluster, field_manager="test")
        await prerequisites.install(sandbox.cluster)
        given = Settings(
            cluster="here",
            temporal_address=sandbox.temporal.address,
            kubeconfig=sandbox.kubeconfig,
            health_port=0,
        )
        settings = given.model_copy(update=without_network(sandbox, given))
        tasks = [asyncio.create_task(run(settings)) for run in (run_worker, run_watcher)]
        stack.push_async_callback(asyncio.gather, *tasks, return_exceptions=True)
        for task in tasks:
            stack.callback(task.cancel)
        client = await connect(settings, identity="pages")

        async def temporal() -> Client:
            return client

        shown = {name: getattr(settings, name) for name in settings.model_fields_set - {"cluster"}}
        place = await stack.enter_async_context(
            web_before(sandbox.cluster, find_temporal=temporal, **{**shown, **of_web})
        )
        await place.until(lambda: all(_has_worker(place, name) for name in ("kaito", "vllm")))
        yield place, sandbox


def _has_worker(place: WebPlace, provider: str) -> bool:
    return bool(((place.state.fleet.config(provider) or {}).get("status") or {}).get("lastHeartbeat"))


async def opened(browser: Browser, place: WebPlace, path: str) -> tuple[Reader, Page]:
    reader = Reader(await browser.new_page(), place.url)
    await reader.goto(path)
    return reader, reader.page


async def test_a_deployment_is_chatted_with_paused_scaled_resumed_and_tried_again(browser: Browser) -> None:
    async with running_system() as (place, _):
        await place.deployment("chat", spec=CHAT)
        reader, page = await opened(browser, place, "/deployments/default/chat")
        await expect(page.locator("#phase")).to_contain_text("Running", timeout=LONG_MS)
        await page.reload()

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
        async with page.expect_response(re.compile("/ask/retry$")) as answered:
            await page.get_by_role("button", name="Retry").click()
        told = await (await answered.value).json()
        assert told["message"]
        await expect(page.locator("#said")).to_have_text(told["message"])
        reader.complaints.clear()  # what runs need not be tried again: the browser tells of that refusal too
        await reader.check()


async def test_a_build_is_watched_and_cancelled(browser: Browser) -> None:
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
