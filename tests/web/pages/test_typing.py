"""Of what somebody types on a page only the last is planned; nobody else's is dropped for it."""

from __future__ import annotations

import asyncio

import yaml

from airunway.api.plain_text import is_plain, quick_yaml_text, yaml_text
from airunway.console.plan import PlannedDeployment
from airunway.web.pages.deploy_form import example_body, text_of
from airunway.web.pages.deploy_routes import plans_of
from airunway.web.pages.live_plan import LivePlan
from tests.web.place import PATIENCE_SECONDS, WebPlace


async def planned(place: WebPlace, page: str) -> int:
    """The status of a plan of what is typed on a page."""
    form = {"yaml": text_of(example_body()), "edited": "yaml", "page": page}
    headers = {"Accept": "application/json"}
    async with place.session.post(f"{place.url}/deploy/plan", data=form, headers=headers) as answer:
        return answer.status


async def test_what_is_outdated_when_its_turn_comes_is_not_planned(place: WebPlace) -> None:
    plans = plans_of(place.state)
    asked: list[asyncio.Task[int]] = []
    async with plans._turn:
        for number, page in enumerate(("mine", "other", "mine", "mine", ""), start=1):
            asked.append(asyncio.create_task(planned(place, page)))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(plans._turn._waiters or ()) < number:
                    await asyncio.sleep(0.01)

    assert await asyncio.gather(*asked) == [409, 200, 409, 200, 200]


def test_what_would_be_made_is_written_as_text_once() -> None:
    planned = PlannedDeployment(source="", namespace="default", name="chat", objects=[{"kind": "Server"}])

    plan = LivePlan(planned=planned)

    assert plan.objects_text == "kind: Server\n"
    assert plan.objects_text is plan.objects_text, "its template asks twice"


HOSTILE = [
    {"kind": "Server", "words": "a line\nand \x1b[31m another\u202e", "half": "\ud800"},
    {
        "plain": ["x" * 200 + " y", "", "true", "0123", ": -", None, 1, 1.5, {}, []],
        "\u2028": {"k": "é\U0001f600"},
    },
]


def test_what_is_written_quickly_is_the_same_and_steers_nothing() -> None:
    shared = {"a": 1}

    text = quick_yaml_text([HOSTILE[1], {"one": shared, "two": shared}])

    assert list(yaml.safe_load_all(text)) == [HOSTILE[1], {"one": shared, "two": shared}]
    assert all(is_plain(line) for line in text.split("\n")) and "&" not in text
    assert quick_yaml_text(HOSTILE) == yaml_text(HOSTILE), "half a letter is no text for libyaml"


async def test_who_types_slowly_gets_each_plan(place: WebPlace) -> None:
    assert [await planned(place, "mine") for _ in range(3)] == [200, 200, 200]
