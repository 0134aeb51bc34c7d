"""The pages in a real browser: read, used with a keyboard, kept fresh, without a complaint."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from airunway.clients.kubernetes import DEPLOYMENTS, NODES
from airunway.web.pages.fleet_view import PAGE_SIZE
from tests.real.browser.chromium import Reader
from tests.web.place import WebPlace

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
}
WHY = "no node has 8 free GPUs: ask for fewer, or add nodes"


async def furnish(place: WebPlace) -> None:
    """A small fleet in every state."""
    for name, gpus in (("gpu-a", 4), ("gpu-b", 8)):
        status = {
            "allocatable": {"nvidia.com/gpu": str(gpus)},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}],
        }
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        await place.cluster.create(NODES, node)
        await place.cluster.patch(NODES, name, {"status": status}, subresource="status")
    engines = [{"name": "vllm", "gpuSupport": True, "cpuSupport": False, "servingModes": ["aggregated"]}]
    for name in ("kaito", "vllm"):
        await place.config(
            name,
            spec={
                "capabilities": {"engines": engines},
                "selectionRules": [{"condition": "true", "priority": 5}],
            },
            status={"ready": True},
        )
    conditions = [
        {"type": "Validated", "status": "True", "reason": "Valid", "message": ""},
        {"type": "Ready", "status": "False", "reason": "Unschedulable", "message": WHY},
    ]
    for entry in conditions:
        entry["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    spec = {"model": {"id": "Qwen/Qwen3-8B"}, "resources": {"gpu": {"count": 8}}}
    await place.deployment("broken", spec=spec, phase="Failed", message=WHY, conditions=conditions)
    running = {
        "provider": {"name": "vllm"},
        "engine": {"type": "vllm"},
        "replicas": {"desired": 1, "ready": 1},
    }
    await place.deployment(
        "chat",
        phase="Running",
        conditions=conditions[:1],
        endpoint={"service": "chat", "port": 8000},
        **running,
    )
    await place.deployment("new")
    labels = {"airunway.ai/deployment": "broken"}
    await place.pod("broken-0", labels=labels, gpus=8, phase="Pending", conditions=[UNSCHEDULABLE])
    await place.pod(
        "chat-0", labels={"airunway.ai/deployment": "chat"}, node="gpu-a", gpus=1, phase="Running"
    )
    await place.until(
        lambda: len(place.state.fleet.pods.pods) == 2 and len(place.state.fleet.nodes.objects) >= 2
    )
    await place.until(lambda: bool((place.state.fleet.deployment("default", "chat") or {}).get("status")))


async def test_every_page_is_read_without_a_complaint(place: WebPlace, reader: Reader) -> None:
    await furnish(place)
    pages = {
        "fleet": "/",
        "deploy": "/deploy",
        "deployment": "/deployments/default/broken",
        "running": "/deployments/default/chat",
        "edit": "/deployments/default/chat/edit",
        "images": "/images",
        "providers": "/providers",
        "provider": "/providers/kaito",
    }

    for name, path in pages.items():
        await reader.goto(path)
        await expect(reader.page.locator("h1")).to_be_visible()
        await reader.check()
        scheme = (
            "dark" if await reader.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else ""
        )
        await reader.picture(f"{name}-{scheme}" if scheme else name)


async def test_the_plan_follows_what_is_typed_and_what_is_created_is_led_to(
    place: WebPlace, browser: Browser
) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    page, plan = reader.page, reader.page.locator("#plan")
    await reader.goto("/deploy")

    await page.get_by_label("Name", exact=True).fill("Wrong Name")
    await expect(plan).to_contain_text("metadata.name: Invalid value")
    await page.get_by_label("Name", exact=True).fill("typed")
    await page.get_by_label("Provider").fill("vllm")
    await expect(plan).to_contain_text("Would be deployed")
    await page.get_by_role("button", name="Create").click()

    await expect(page.locator("h1")).to_have_text("default/typed")
    made = await place.cluster.get(DEPLOYMENTS, "typed", namespace="default")
    assert made["spec"]["provider"] == {"name": "vllm"}
    assert reader.complaints == []


async def test_yaml_that_is_typed_fills_the_fields(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    await reader.goto("/deploy")

    text = await reader.page.locator("#yaml").input_value()
    await reader.page.locator("#yaml").fill(text.replace("my-model", "by-hand"))

    await expect(reader.page.get_by_label("Name", exact=True)).to_have_value("by-hand")
    await expect(reader.page.locator("#plan")).to_contain_text("default/by-hand")


@pytest.mark.parametrize(
    ("path", "button"), [("/deploy", "Create"), ("/deployments/default/chat/edit", "Save")]
)
async def test_yaml_that_cannot_be_read_cannot_be_sent(
    place: WebPlace, browser: Browser, path: str, button: str
) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    await reader.goto(path)
    yaml, sends = reader.page.locator("#yaml"), reader.page.get_by_role("button", name=button)
    text = await yaml.input_value()

    await yaml.fill(text + "\n  - [")
    await expect(sends).to_be_disabled()
    await expect(reader.page.locator("#why-not")).to_contain_text("cannot be read")
    await yaml.fill(text)

    await expect(sends).to_be_enabled()
    await expect(reader.page.locator("#why-not")).to_be_empty()
    assert reader.complaints == []


async def test_a_page_that_is_open_is_kept_fresh(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    await reader.goto("/deployments/default/new")
    await expect(reader.page.locator("#phase")).to_contain_text("not taken up")

    status = {"status": {"phase": "Deploying", "message": "its pods are starting"}}
    await place.cluster.patch(DEPLOYMENTS, "new", status, namespace="default", subresource="status")

    await expect(reader.page.locator("#phase")).to_contain_text("Deploying")
    await expect(reader.page.locator("#facts")).to_contain_text("its pods are starting")
    assert reader.complaints == []


async def test_buttons_answer_on_the_page(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    reader = Reader(await browser.new_page(), place.url)
    page = reader.page
    await reader.goto("/deployments/default/chat")

    await page.get_by_label("Replicas").fill("3")
    await page.get_by_role("button", name="Scale").click()
    await expect(page.locator("#said")).to_contain_text("3 replicas asked for")
    live = await place.cluster.get(DEPLOYMENTS, "chat", namespace="default")
    assert live["spec"]["scaling"]["replicas"] == 3

    await page.get_by_text("Delete", exact=True).click()
    await page.get_by_role("button", name="Delete default/chat").click()
    await expect(page.locator("#said")).to_contain_text("its deletion has begun")


async def test_without_scripts_the_same_can_be_done(place: WebPlace, browser: Browser) -> None:
    await furnish(place)
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    page.set_default_timeout(60_000)
    await page.goto(f"{place.url}/deploy")

    await page.get_by_label("Name", exact=True).fill("plain")
    await page.get_by_role("button", name="Plan").click()
    await expect(page.locator("#yaml")).to_contain_text("name: plain")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("h1")).to_have_text("default/plain")
    await page.get_by_label("Replicas").fill("2")
    await page.get_by_role("button", name="Scale").click()

    await expect(page.get_by_role("status").first).to_contain_text("2 replicas asked for")


async def test_a_thousand_deployments_are_a_list(place: WebPlace, browser: Browser) -> None:
    template = {"spec": {"model": {"id": "acme/tiny"}}, "status": {"phase": "Running", "message": "serves"}}
    for index in range(1000):
        meta = {"name": f"model-{index:04}", "namespace": f"team-{index % 20}", "uid": str(index)}
        place.state.fleet.deployments.objects[(meta["namespace"], meta["name"])] = {
            "metadata": meta,
            **template,
        }
    reader = Reader(await browser.new_page(), place.url)

    await reader.goto("/")

    await expect(reader.page.locator("#list tbody tr")).to_have_count(PAGE_SIZE)
    await expect(reader.page.locator("caption")).to_contain_text("of 1000 deployments")
    await reader.page.get_by_role("link", name="Next").click()
    await expect(reader.page.locator("caption")).to_contain_text("101–200 of 1000")
    await reader.check()
