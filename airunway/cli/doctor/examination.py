"""Running the checks: side by side, each bounded in time, none able to hide what another finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeAlias

from airunway.cli.doctor.findings import DoctorFinding, fail, warn
from airunway.cli.doctor.place import DoctorPlace, NotReached
from airunway.cli.explain import explain
from airunway.clients.errors import Forbidden

Check: TypeAlias = Callable[[DoctorPlace], Awaitable[list[DoctorFinding]]]


async def examine(
    place: DoctorPlace, checks: Mapping[str, Check], *, seconds: float
) -> AsyncIterator[DoctorFinding]:
    """What the checks find, in their order, each within so many seconds."""
    running = {name: asyncio.create_task(_one(name, check, place, seconds)) for name, check in checks.items()}
    try:
        for task in running.values():
            for finding in await task:
                yield finding
    finally:
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


async def _one(name: str, check: Check, place: DoctorPlace, seconds: float) -> list[DoctorFinding]:
    """What one check finds; what goes wrong in it is what it found."""
    try:
        async with asyncio.timeout(seconds):
            return await check(place)
    except NotReached as err:
        return [warn(name, f"not checked: {err}", "put that right first (see above), and ask again")]
    except TimeoutError:
        return [fail(name, f"no answer within {seconds:g} s", "look at the network between here and there")]
    except Forbidden as err:
        return [warn(name, f"not checked: {explain(err)}", "ask as somebody who may read it")]
    except Exception as err:
        return [fail(name, explain(err), "do what it says, and ask again; AIRUNWAY_TRACEBACK=1 shows where")]
