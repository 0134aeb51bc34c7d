"""Switching the webhooks off."""

from __future__ import annotations

import asyncio

import pytest

from airunway.webhook.run import run_admission
from airunway.workers.health import Ready
from airunway.workers.settings import Settings


@pytest.mark.parametrize("variable", ["ENABLE_WEBHOOKS", "AIRUNWAY_ENABLE_WEBHOOKS"])
@pytest.mark.parametrize(("value", "enabled"), [("false", False), ("true", True), ("", True)])
def test_by_environment(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, enabled: bool) -> None:
    monkeypatch.setenv(variable, value)

    assert Settings().enable_webhooks is enabled


def test_our_own_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENABLE_WEBHOOKS", "false")
    monkeypatch.setenv("AIRUNWAY_ENABLE_WEBHOOKS", "true")

    assert Settings().enable_webhooks


async def test_a_process_without_webhooks_is_ready_and_waits() -> None:
    ready = Ready()

    task = asyncio.create_task(run_admission(Settings(enable_webhooks=False), ready))
    await asyncio.sleep(0)  # lets it begin

    assert ready() and not task.done()
    task.cancel()
