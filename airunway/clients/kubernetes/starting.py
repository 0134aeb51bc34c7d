"""Answers of an API server that has only begun to serve a kind: it did nothing yet, so it is asked again.

Each kind's storage begins with the first who lists it: that request is answered by 429 "storage is
(re)initializing", right after the definition is established and again when the server starts anew. Apart from
other overload, which is the caller's matter: there waiting long may be right, here it takes a moment.
Source: k8s.io/apiserver/pkg/storage/cacher/ready.go, pkg/util/notfoundhandler.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from airunway.clients.backoff import Backoff, Sleep
from airunway.clients.errors import ApiError

_T = TypeVar("_T")

MAX_SECONDS = 20.0
"""Asked again for so long; then it is an error like any other."""
FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS, JITTER = 0.1, 1.0, 0.2

_WORDS = ("(re)initializing", "before all known HTTP paths have been installed")


def is_starting(err: ApiError) -> bool:
    """Whether a server says that it is only beginning to serve what was asked for."""
    return err.status in (429, 503) and any(words in str(err) for words in _WORDS)


async def once_served(
    attempt: Callable[[], Awaitable[_T]],
    *,
    sleep: Sleep = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> _T:
    """The result of an attempt, tried again while the server is starting. Raises ApiError."""
    backoff = Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS, jitter=JITTER)
    end = clock() + MAX_SECONDS
    while True:
        try:
            return await attempt()
        except ApiError as err:
            if not is_starting(err) or clock() > end:
                raise
        await sleep(backoff.next_delay())
