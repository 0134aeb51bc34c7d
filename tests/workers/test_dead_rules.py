"""A selection rule that does not compile is warned of once, not ignored in silence."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from structlog.testing import capture_logs

from airunway.clients.kubernetes import Cluster
from airunway.clients.reflector import ObjectChange
from airunway.workers.audit.fleet import Fleet
from airunway.workers.signal_queue import SignalQueue
from airunway.workers.watcher import Watcher


async def seen(*configs: dict[str, Any]) -> list[tuple[str, int]]:
    """Provider and rule of every warning while a watcher sees these versions of configs."""
    signals = cast(SignalQueue, None)
    watcher = Watcher(cast(Cluster, None), {}, signals, cluster_name="here", fleet=Fleet())
    # The rules are compiled beside the loop: by one thread, which does one thing after the other.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    with capture_logs() as logs:
        for config in configs:
            watcher._on_config(ObjectChange(type="set", object=config))
        await asyncio.to_thread(lambda: None)
    return [(entry["provider"], entry["rule"]) for entry in logs if "never match" in entry["event"]]


def config(*conditions: Any, heartbeat: str = "2026-01-05T09:00:00Z") -> dict[str, Any]:
    return {
        "metadata": {"name": "acme"},
        "spec": {"selectionRules": [{"condition": text} for text in conditions]},
        "status": {"ready": True, "lastHeartbeat": heartbeat},
    }


async def test_a_rule_that_does_not_compile_is_warned_of() -> None:
    assert await seen(config("true", "spec.model.id.lowerAscii() == 'x'", "")) == [("acme", 1), ("acme", 2)]


async def test_rules_that_only_miss_a_field_here_are_nobodys_fault() -> None:
    assert await seen(config("spec.provider.overrides.a == 1", "has(spec.serving)")) == []


async def test_it_is_warned_of_again_only_when_the_config_changes() -> None:
    broken = config("broken (")
    beat = config("broken (", heartbeat="2026-01-05T09:01:00Z")

    assert await seen(broken, beat) == [("acme", 0)]
    assert await seen(broken, beat, config("broken (", "true")) == [("acme", 0), ("acme", 0)]


async def test_a_config_that_cannot_be_read_is_no_trouble() -> None:
    assert await seen(config(7), {"metadata": {"name": "acme"}}) == []
