"""What refusals look like on the wire (web-api.md §1), and which status a failure has.

    {"error": {"message": …, "statusCode": …}}                        everything but the next
    {"success": false, "error": {"name": "ZodError", "message": …}}   a body or query that does not fit

Unlike the reference's, messages of the statuses from 500 on are kept: what Kubernetes, Helm or Temporal say
is what a person needs. Only a fault of our own is not shown, but logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.service import RPCError

from airunway.clients.errors import ApiError, Unreachable
from airunway.operations.errors import NotDelivered, OperationError, Refused

_log = structlog.get_logger(__name__)

AUTH_ERROR_HEADER = "X-Airunway-Auth-Error"
"""Tells a refused token from a 401 that a model server answers: only the former logs a person out."""


class WebError(Exception):
    """A request is refused, with a status and a sentence. `body`: instead of the usual shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers, self.body = dict(headers or {}), body


class NotSignedIn(WebError):
    """There is no token, or Kubernetes does not accept it."""

    def __init__(self, message: str) -> None:
        super().__init__(401, message, headers={AUTH_ERROR_HEADER: "true"})


def error_answer(
    status: int, message: str, *, headers: Mapping[str, str] | None = None, **extra: Any
) -> JSONResponse:
    """A refusal in the usual shape. `extra`: further fields beside the message."""
    shown = {"error": {"message": message, "statusCode": status, **extra}}
    return JSONResponse(shown, status_code=status, headers=dict(headers or {}))


def status_of(err: BaseException) -> int:
    """The HTTP status for a failure outside of this process; 500 for one of our own."""
    if isinstance(err, WebError):
        return err.status
    if isinstance(err, Unreachable):
        return 503
    if isinstance(err, ApiError):
        return err.status if 400 <= err.status < 600 else 502
    if isinstance(err, Refused):
        return 409
    if isinstance(err, NotDelivered | RPCError):
        return 503
    if isinstance(err, OperationError):
        return 502
    return 500


def message_of(err: BaseException) -> str:
    """What a person reads of a failure."""
    return str(err).strip() or type(err).__name__


AsPage = Callable[[Request, int, str], Response | None]
"""A refusal as a page, for a browser that asks for one; None: who asks reads JSON."""


def install_error_handlers(app: FastAPI, as_page: AsPage) -> None:
    """Every failure becomes an answer of the wire's shape, or a page."""

    async def refusal(request: Request, err: Exception) -> Response:
        assert isinstance(err, WebError)
        return _refusal(request, err, as_page)

    app.add_exception_handler(WebError, refusal)
    for kind in (ApiError, OperationError, RPCError):
        app.add_exception_handler(kind, _failure)
    app.add_exception_handler(RequestValidationError, _misfit)

    async def http_error(request: Request, err: Exception) -> Response:
        assert isinstance(err, HTTPException)
        return _http_error(request, err, as_page)

    app.add_exception_handler(HTTPException, http_error)
    app.add_middleware(FaultGuard, as_page=as_page)


class FaultGuard:
    """Answers where we failed: as a middleware, so that these answers too get the headers of all others."""

    def __init__(self, app: ASGIApp, as_page: AsPage) -> None:
        self._app, self._as_page = app, as_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer it when that fails before there was an answer."""
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as err:
            if has_begun or scope["type"] != "http":
                raise
            request = Request(scope)
            _log.error("a request failed by a fault of ours", path=request.url.path, exc_info=err)
            words = f"unexpected {type(err).__name__}; the log of `airunway web` shows where"
            answer = self._as_page(request, 500, words) or error_answer(500, words)
            await answer(scope, receive, send)


def _refusal(request: Request, err: WebError, as_page: AsPage) -> Response:
    if err.body is not None:
        return JSONResponse(dict(err.body), status_code=err.status, headers=err.headers)
    if (found := as_page(request, err.status, err.message)) is not None:  # signing in without scripts
        found.headers.update(err.headers)
        return found
    return error_answer(err.status, err.message, headers=err.headers)


async def _failure(_: Request, err: Exception) -> Response:
    headers = {}
    if isinstance(err, ApiError) and err.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(err.retry_after)))
    return error_answer(status_of(err), message_of(err), headers=headers)


async def _misfit(_: Request, err: Exception) -> Response:
    assert isinstance(err, RequestValidationError)
    problems = err.errors()
    if all(problem["loc"][:1] == ("path",) for problem in problems):
        # What has such a name cannot be there, and whoever asks for it may have been led here by somebody.
        return error_answer(404, "; ".join(_words(problem) for problem in problems)[:1000])
    if any(problem["type"] == "json_invalid" for problem in problems):
        return error_answer(400, "Malformed JSON in request body")
    return misfit_answer(
        [
            {"code": problem["type"], "path": _path(problem["loc"]), "message": _words(problem)}
            for problem in problems
        ]
    )


def misfit_answer(issues: Sequence[Mapping[str, Any]]) -> JSONResponse:
    """A 400 for a request that does not fit. `issues`: `{code, path, message}` each; clients show them."""
    error = {"name": "ZodError", "message": json.dumps(list(issues), indent=2, ensure_ascii=False)}
    return JSONResponse({"success": False, "error": error}, status_code=400)


def _path(loc: Sequence[Any]) -> list[Any]:
    return list(loc[1:]) if loc and loc[0] in ("body", "query", "path", "header") else list(loc)


def _words(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in _path(problem["loc"]))
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


def _http_error(request: Request, err: HTTPException, as_page: AsPage) -> Response:
    path = request.url.path
    if err.status_code == 404:
        if request.method in ("GET", "HEAD") and path.endswith("/") and path.strip("/"):
            # Only a path of this server: two slashes would begin another host.
            target = "/" + path.strip("/") + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(target, status_code=301)
        words = f"there is no page {path[:200]}"
        return as_page(request, 404, words) or error_answer(404, f"Not Found - {path}")
    words = f"{err.detail}: {request.method} {path[:200]}"
    found = as_page(request, err.status_code, words)
    if found is None:
        return error_answer(err.status_code, str(err.detail), headers=err.headers)
    found.headers.update(err.headers or {})
    return found
