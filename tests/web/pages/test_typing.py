"""Of what somebody types on a page only the last is planned; nobody else's is dropped for it."""

from __future__ import annotations

import asyncio

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


async def test_who_types_slowly_gets_each_plan(place: WebPlace) -> None:
    assert [await planned(place, "mine") for _ in range(3)] == [200, 200, 200]
