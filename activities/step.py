"""How an activity says which step it implements; mypy compares its signature with the step's.

It is registered under the step's name, and what its client raises becomes a failure that says whether to try
again.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar

from temporalio import activity

from airunway.activities.errors import translated_errors
from airunway.messages.step import Answer, Request, Step

Owner = TypeVar("Owner")

SIGN_OF_LIFE_SECONDS = 1.5


@asynccontextmanager
async def signs_of_life() -> AsyncIterator[None]:
    """Heartbeat until the block ends; most end before the first, which costs nothing."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(SIGN_OF_LIFE_SECONDS)
            activity.heartbeat()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


def _is_ordinary() -> bool:
    """Whether this runs as an activity that the server knows of: not inline, and not in a unit test."""
    return activity.in_activity() and not activity.info().is_local


def implements(
    step: Step[Request, Answer],
    *,
    errors: Callable[[], AbstractContextManager[None]] = translated_errors,
) -> Callable[
    [Callable[[Owner, Request], Coroutine[Any, Any, Answer]]],
    Callable[[Owner, Request], Coroutine[Any, Any, Answer]],
]:
    """A method as the activity of a step. `errors`: the context that translates what it raises."""

    def decorate(
        method: Callable[[Owner, Request], Coroutine[Any, Any, Answer]],
    ) -> Callable[[Owner, Request], Coroutine[Any, Any, Answer]]:
        @activity.defn(name=step.name)
        @functools.wraps(method)
        async def run(self: Owner, request: Request) -> Answer:
            with errors():
                if step.beats_itself or not _is_ordinary():
                    return await method(self, request)
                async with signs_of_life():
                    return await method(self, request)

        return run

    return decorate
