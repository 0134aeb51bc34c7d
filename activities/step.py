"""How an activity says which step it implements; mypy compares its signature with the step's.

It is registered under the step's name, and what its client raises becomes a failure that says whether to try
again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from temporalio import activity

from airunway.activities.errors import translated_errors
from airunway.messages.step import Answer, Request, Step

Owner = TypeVar("Owner")


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
                return await method(self, request)

        return run

    return decorate
