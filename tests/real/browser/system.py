"""A whole running system before a browser: what `airunway up` runs, and pages that it answers."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page
from temporalio.client import Client

from airunway.cli.up_servers import without_network
from airunway.clients.crds import apply_own_crds
from airunway.messages.search_attributes import SEARCH_ATTRIBUTES
from airunway.sandbox import prerequisites
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from tests.real.browser.chromium import PATIENCE_MS, Reader
from tests.web.place import WebPlace, web_before

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
    """A page that somebody has opened."""
    reader = Reader(await browser.new_page(), place.url)
    await reader.goto(path)
    return reader, reader.page
