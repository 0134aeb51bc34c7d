"""Operators of providers in a real browser: upgraded, uninstalled, tried again, given up."""

from __future__ import annotations

import base64
import re

import pytest
from playwright.async_api import Browser, Page, expect

from airunway.api import names
from airunway.clients.kubernetes import SECRETS, Cluster
from tests.real.browser.system import LONG_MS, opened, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

KAITO = "/providers/kaito"
SPOILT = {
    "metadata": {"name": names.values_secret("kaito")},
    "data": {"values.yaml": base64.b64encode(b"- a list").decode()},
}


async def planned(page: Page, operation: str) -> None:
    """From the provider's page to what an operation would do."""
    await page.get_by_role("link", name=f"{operation}…", exact=True).click()
    await expect(page.locator("main")).to_contain_text("What would be done")


async def confirmed(page: Page, operation: str) -> None:
    """Have it done, and be led back."""
    await page.get_by_role("button", name=re.compile(f"^{operation} ")).click()
    await expect(page.locator("#state")).to_be_visible()


async def ended(page: Page, operation: str, *, of: str = "kaito") -> None:
    """Wait until the page tells that this very operation is over, and went well."""
    await expect(page.locator("#state pre")).to_contain_text(f"{operation} {of}", timeout=LONG_MS)
    await expect(page.locator("#state .verdict.good")).to_be_visible(timeout=LONG_MS)


async def spoil(cluster: Cluster) -> None:
    """Values for the chart that nobody can read: the next operation fails."""
    await cluster.create(SECRETS, SPOILT, namespace=names.INSTALLER_NAMESPACE)


async def mend(cluster: Cluster) -> None:
    await cluster.delete(SECRETS, SPOILT["metadata"]["name"], namespace=names.INSTALLER_NAMESPACE)


async def test_an_operator_is_upgraded_and_uninstalled_with_the_plan_before(browser: Browser) -> None:
    async with running_system() as (place, _):
        reader, page = await opened(browser, place, KAITO)
        await expect(page.get_by_role("button", name="Upgrade")).to_be_disabled()
        await expect(page.locator("#state")).to_contain_text("its operator is not installed")
        await planned(page, "Install")
        await confirmed(page, "Install")
        await ended(page, "install")

        await reader.goto(KAITO)
        await planned(page, "Upgrade")
        await reader.check()
        await confirmed(page, "Upgrade")
        await ended(page, "upgrade")
        await expect(page.locator("#health")).to_contain_text("ready", timeout=LONG_MS)
        await reader.check()

        await planned(page, "Uninstall")
        await expect(page.locator("main table")).to_contain_text("uninstall")
        await reader.check()
        await confirmed(page, "Uninstall")
        await ended(page, "uninstall")
        await expect(page.get_by_role("button", name="Upgrade")).to_be_disabled()
        await expect(page.locator("#health")).to_contain_text("not ready", timeout=LONG_MS)
        await reader.check()


async def test_a_shared_prerequisite_is_installed_with_the_plan_before(browser: Browser) -> None:
    async with running_system() as (place, _):
        reader, page = await opened(browser, place, "/providers")
        await expect(page.locator("#prerequisites")).to_contain_text("Gateway API CRDs")
        await reader.check()

        await page.get_by_role("link", name="NVIDIA GPU operator").click()
        await expect(page.locator("#health")).to_contain_text("not installed")
        await reader.check()
        await planned(page, "Install")
        await expect(page.locator("main table")).to_contain_text("nvidia/gpu-operator")
        await reader.check()
        await confirmed(page, "Install")
        await ended(page, "install", of="gpu-operator")

        await expect(page.locator("#health")).to_have_text("installed", timeout=LONG_MS)
        await expect(page.get_by_role("button", name="Uninstall")).to_be_disabled()
        await reader.check()


async def test_an_installation_that_failed_is_given_up_or_tried_again(browser: Browser) -> None:
    async with running_system() as (place, sandbox):
        reader, page = await opened(browser, place, KAITO)
        state = page.locator("#state")
        await planned(page, "Install")
        await spoil(sandbox.cluster)
        await confirmed(page, "Install")
        await expect(state.locator(".verdict.bad").last).to_contain_text("is not a YAML object")
        await reader.check()

        await state.get_by_role("button", name="Give up").click()
        await expect(state.get_by_role("button", name="Retry")).to_have_count(0, timeout=LONG_MS)
        await expect(state).to_contain_text("is not a YAML object")

        await mend(sandbox.cluster)
        await planned(page, "Install")
        await spoil(sandbox.cluster)
        await confirmed(page, "Install")
        await expect(state.get_by_role("button", name="Retry")).to_be_visible(timeout=LONG_MS)
        await mend(sandbox.cluster)
        await state.get_by_role("button", name="Retry").click()
        await expect(state.locator(".verdict.good")).to_be_visible(timeout=LONG_MS)
        await reader.check()
