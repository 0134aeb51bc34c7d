"""A change that an upstream object cannot take: it is made again, and each step of that is said before."""

from __future__ import annotations

from airunway.api.status import Phase
from airunway.messages.deployment import RefusedChange
from tests.workflows.world import World

REFUSAL = "Server chat: admission webhook denied the request: spec.mode is immutable"
CHANGE = RefusedChange(uid="server-1", digest="digest-2", why=REFUSAL)


async def test_the_object_is_made_again(world: World) -> None:
    world.upstream_phase = Phase.RUNNING
    await world.start()
    await world.until_phase(Phase.RUNNING)
    world.changes_refused = [CHANGE]

    await world.edit()
    await world.until(lambda: not world.upstream_there)
    await world.quiet()
    during = dict(world.status)
    await world.nudge("Server deleted", upstream_only=True)
    await world.until(lambda: world.upstream_there)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()

    assert during["phase"] == Phase.DEPLOYING
    assert REFUSAL in during["message"]
    journal = await world.journal()
    kinds = [what for what, _ in journal]
    assert kinds.index("ChangeRefused") < kinds.index("Deleted")
    assert any(REFUSAL in message for what, message in journal if what == "ChangeRefused")
    asked = [request.refused for request in world.rendered]
    assert CHANGE in asked
    assert asked[-1] is None, "it is forgotten once the object was made again"
    assert "Failed" not in [status.get("phase") for status in world.statuses]
