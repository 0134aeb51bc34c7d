"""Signing in, being refused, and signing out, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import NAMESPACES, Cluster
from kube_emulator import EmulatedCluster
from tests.real.browser.chromium import Reader
from tests.web.pages.test_rights import ANN, BOB, allow
from tests.web.place import WebPlace, web_before

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[WebPlace]:
    """Ann may do everything with deployments in team-a."""
    async with EmulatedCluster() as emulated:
        emulated.users.add(ANN, "ann")
        emulated.users.add(BOB, "bob")
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            await apply_own_crds(cluster, field_manager="test")
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}}
            await cluster.create(NAMESPACES, body)
            await allow(cluster, "ann", "*")
            async with web_before(cluster, web_auth=True) as made:
                await made.deployment("chat", namespace="team-a")
                await made.until(lambda: bool(made.state.fleet.deployments.objects))
                yield made


async def test_signing_in_refusal_and_signing_out(guarded: WebPlace, browser: Browser) -> None:
    reader = Reader(await browser.new_page(), guarded.url)
    page = reader.page
    await reader.goto("/deployments/team-a/chat")
    await reader.check()

    await page.get_by_label("Kubernetes token").fill("nobody-has-it")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#refusal")).to_contain_text("does not accept this token")
    reader.complaints.clear()  # the browser tells of the refusal too
    await page.get_by_label("Kubernetes token").fill(ANN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("h1")).to_have_text("team-a/chat")
    assert await page.evaluate("document.cookie") == ""

    await page.get_by_label("Replicas").fill("2")
    await page.get_by_role("button", name="Scale").click()
    await expect(page.locator("#said")).to_contain_text("2 replicas asked for")
    await page.get_by_role("link", name="Providers").click()
    await expect(page.locator("h1")).to_have_text("Not allowed")
    reader.complaints.clear()
    await page.goto(guarded.url + "/")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("h1")).to_have_text("Sign in")
    assert reader.complaints == []


async def test_a_link_with_a_token_signs_in_and_forgets_it(guarded: WebPlace, browser: Browser) -> None:
    reader = Reader(await browser.new_page(), guarded.url)

    await reader.goto(f"/login#token={ANN}")

    await expect(reader.page.locator("h1")).to_have_text("Fleet")
    assert ANN not in reader.page.url


async def sign_in(page: Page, url: str, token: str) -> None:
    await page.goto(f"{url}/login#token={token}")
    await expect(page.locator("h1")).to_have_text("Fleet")


async def test_who_is_signed_out_while_typing_loses_nothing(guarded: WebPlace, browser: Browser) -> None:
    context = await browser.new_context()
    page, other = await context.new_page(), await context.new_page()
    await sign_in(page, guarded.url, ANN)
    await page.goto(f"{guarded.url}/deploy")
    await page.get_by_label("Namespace").fill("team-a")
    await page.get_by_label("Name", exact=True).fill("typed")
    create, refusal = page.get_by_role("button", name="Create"), page.locator("#refusal")
    await expect(create).to_be_enabled()

    await context.clear_cookies()
    await create.click()
    await expect(refusal).to_contain_text("You are signed out")
    await sign_in(other, guarded.url, BOB)
    await create.click()
    await expect(refusal).to_contain_text("out of date")  # it was Ann who typed this
    await context.clear_cookies()
    await sign_in(other, guarded.url, ANN)
    await create.click()

    await expect(page.locator("h1")).to_have_text("team-a/typed")


async def test_a_deployment_is_created_in_the_namespace_that_one_may_use(
    guarded: WebPlace, browser: Browser
) -> None:
    reader = Reader(await browser.new_page(), guarded.url)
    await reader.goto(f"/login?next=/deploy#token={ANN}")
    create = reader.page.get_by_role("button", name="Create")
    await expect(create).to_be_disabled()
    await expect(create).to_have_accessible_description(re.compile('in namespace "default"'))

    await reader.page.get_by_label("Namespace").fill("team-a")
    await expect(create).to_be_enabled()
    await reader.check()
    await create.click()

    await expect(reader.page.locator("h1")).to_have_text("team-a/my-model")
