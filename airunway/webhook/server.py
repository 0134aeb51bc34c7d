"""The HTTPS server: bodies in, answers out. Source: crds.md §4.1.

Whatever comes in, an answer goes out and the server lives on. What is no review gets an HTTP error, which
the API server treats by `failurePolicy`; every review gets a review.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus

import structlog
from aiohttp import web

from airunway.api import names
from airunway.clients.connection_guard import ConnectionLimits
from airunway.clients.guarded_server import served
from airunway.metrics.families import REVIEW_SECONDS, REVIEWS
from airunway.webhook import rules
from airunway.webhook.reviews import (
    AdmissionAnswer,
    AdmissionRequest,
    BadReview,
    errored,
    read_review,
    review_of,
)
from airunway.webhook.rules import AdmissionInputs

_log = structlog.get_logger(__name__)

MAX_BODY = 7 * 1024 * 1024
"""Bytes. The API server takes objects up to 3 MiB, and a review of an update holds two."""
BODY_SECONDS = 10.0
"""As long as the API server waits for the whole answer."""
LIMITS = ConnectionLimits(idle_within=timedelta(seconds=120))
"""Longer than the API server keeps idle connections (90 s): a review must not meet a closing one."""
DRAIN = timedelta(seconds=8)

Rule = Callable[[AdmissionRequest, AdmissionInputs], Awaitable[AdmissionAnswer]]


def application(given: AdmissionInputs) -> web.Application:
    """The two webhooks."""
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_post(names.MUTATING_PATH, _handler("mutating", rules.default, given))
    app.router.add_post(names.VALIDATING_PATH, _handler("validating", rules.validate, given))
    return app


@asynccontextmanager
async def serving(
    app: web.Application,
    *,
    port: int,
    context: ssl.SSLContext,
    host: str | None = None,
    limits: ConnectionLimits = LIMITS,
) -> AsyncIterator[int]:
    """Serve; yields the port, which is a free one for 0. `host` None: every address, IPv4 and IPv6."""
    async with served(app, host=host, port=port, ssl=context, limits=limits, drain=DRAIN) as taken:
        yield taken


def _handler(
    webhook: str, rule: Rule, given: AdmissionInputs
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(http: web.Request) -> web.Response:
        if http.content_type != "application/json":
            return web.Response(status=415, text="the body must be application/json\n")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await http.read()
            request = await read_review(body)
        except TimeoutError:
            return web.Response(status=408, text="the body did not arrive in time\n")
        except BadReview as err:
            _log.warning("no review", path=http.path, error=str(err))
            return web.Response(status=400, text=f"{err}\n")
        with REVIEW_SECONDS.labels(webhook).time():
            answer = await _answer(rule, request, given)
        REVIEWS.labels(webhook, _outcome(answer)).inc()
        if not answer.allowed:
            _log.info(
                "write refused",
                operation=request.operation,
                deployment=f"{request.namespace}/{request.name}",
                code=int(answer.code),
                reasons=answer.message[:500],
            )
        return web.json_response(review_of(request.uid, answer))

    return handle


def _outcome(answer: AdmissionAnswer) -> str:
    if answer.allowed:
        return "allowed"
    return "error" if answer.code >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"


async def _answer(rule: Rule, request: AdmissionRequest, given: AdmissionInputs) -> AdmissionAnswer:
    try:
        return await rule(request, given)
    except RecursionError:
        return errored(HTTPStatus.BAD_REQUEST, "the object is nested too deep")
    except Exception:  # a fault of ours must not look like the network's, and must not end the server
        _log.exception("review failed", uid=request.uid, deployment=f"{request.namespace}/{request.name}")
        return errored(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; the webhook's log has more")
