"""Templates to answers, and refusals as pages: what a person reads instead of JSON.

Everything that is shown was written by somebody else: templates escape it, and letters that steer a reader's
eye (controls, bidirectional overrides) are replaced before that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response
from temporalio.service import RPCError

from airunway.api.plain_text import plain_lines
from airunway.clients.errors import ApiError
from airunway.console.links import workflow_link
from airunway.operations.errors import OperationError
from airunway.web.answers import JsonAnswer
from airunway.web.derive.bodies import NAME_PATTERN, NAMESPACE_PATTERN
from airunway.web.errors import NotSignedIn, WebError, message_of, status_of
from airunway.web.identity import Caller
from airunway.web.state import WebState, state_of
from airunway.workers.temporal.target import target_of

REFUSALS = (WebError, ApiError, OperationError, RPCError)
"""What may go wrong outside of this process: said with its status and sentence."""


def shown(value: Any) -> Any:
    """A value as it enters a template: nothing in it steers an eye, and None is nothing."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else plain_lines(str(value).replace("\r\n", "\n"))


def path_to(*steps: str) -> str:
    """A path of this server, each step quoted."""
    return "/" + "/".join(quote(step, safe="") for step in steps)


ENVIRONMENT = Environment(
    loader=PackageLoader("airunway.web.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.globals["path_to"] = path_to


def page(
    request: Request, template: str, caller: Caller | None, *, status: int = 200, **context: Any
) -> HTMLResponse:
    """A page for who calls; None: nobody has signed in."""
    state = state_of(request)
    text = ENVIRONMENT.get_template(template).render(
        cluster=state.settings.cluster,
        is_away=state.cluster.outage.is_away,
        user=caller.user if caller is not None else "",
        signs_in=state.identities.signs_in,
        csrf_token=caller.csrf_token if caller is not None else "",
        temporal_ui=target_of(state.settings).ui,
        here=request.url.path,
        **context,
    )
    return HTMLResponse(text, status_code=status)


def link_to_workflow(state: WebState, workflow_id: str) -> str:
    """A workflow in Temporal's UI; empty where there is none."""
    target = target_of(state.settings)
    return workflow_link(target, workflow_id) if target.ui else ""


def answer(
    request: Request, caller: Caller, *, title: str, message: str, back: str, status: int = 200
) -> Response:
    """What a button did or why not: a page, or JSON for a script that asked by `Accept`."""
    if wants_json(request):
        return JsonAnswer({"ok": status < 400, "message": message}, status)
    return page(
        request,
        "answer.html",
        caller,
        status=status,
        title=title,
        message=message,
        back=back,
        is_ok=status < 400,
    )


def wants_json(request: Request) -> bool:
    """Whether a script asks rather than a browser that follows a link or a form."""
    return request.headers.get("Accept", "").startswith("application/json")


ADVICE = {
    401: "Sign in with a token of the cluster.",
    403: "Ask an administrator for the right that is named, or sign in as somebody who has it.",
    404: "Look for it in the fleet: it may have been deleted, or be called otherwise.",
    405: "Open the page that it belongs to, and use its buttons: this address takes no visits.",
    409: "Load the page again: what you saw has changed since, or has to change first.",
    429: "Wait a moment, then try again.",
    500: "Load the page again. If it stays so, tell who runs AI Runway: the log of `airunway web` says where "
    "it happened.",
    503: "Wait a moment and load the page again: what it asks is away, and nothing was changed.",
}
"""What a person does about a status."""


def error_page(request: Request, status: int, message: str) -> Response | None:
    """A refusal as a page, with what to do about it; None for a client, and for the API."""
    is_api = request.url.path == "/api" or request.url.path.startswith("/api/")
    if is_api or "text/html" not in request.headers.get("Accept", ""):
        return None
    return _error_page(request, status, message)


def _error_page(request: Request, status: int, message: str) -> Response:
    advice, caller = ADVICE.get(status, ""), getattr(request.state, "caller", None)
    return page(request, "error.html", caller, status=status, message=message, code=status, advice=advice)


_REFERENCES = {"namespace": (NAMESPACE_PATTERN, 63), "name": (NAME_PATTERN, 253)}


def reference_problem(given: Mapping[str, Any]) -> str:
    """Why the names in a path are those of nothing; empty where they may be of something."""
    for kind, text in given.items():
        pattern, longest = _REFERENCES.get(kind, ("", 0))
        if pattern and (len(text) > longest or not re.fullmatch(pattern, text)):
            return f"nothing is called {text[:100]!r}: that is no {kind} in Kubernetes"
    return ""


class PageRoute(APIRoute):
    """A route whose refusals are pages; who has not signed in is led there and back."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with refusals made into pages."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                if problem := reference_problem(request.path_params):
                    raise WebError(404, problem)
                return await handler(request)
            except NotSignedIn as err:
                if wants_json(request) or request.method != "GET":
                    return _refusal(request, err)
                query = f"?{request.url.query}" if request.url.query else ""
                target = quote(request.url.path + query, safe="/")
                return RedirectResponse(f"/login?next={target}", status_code=303)
            except REFUSALS as err:
                return _refusal(request, err)
            except RequestValidationError as err:
                return _refusal(request, WebError(422, _misfit_words(err)))

        return handle


def _misfit_words(err: RequestValidationError) -> str:
    """What does not fit, field by field."""
    return "; ".join(f"{'.'.join(map(str, entry['loc'][1:]))}: {entry['msg']}" for entry in err.errors())


def _refusal(request: Request, err: Exception) -> Response:
    status, message = status_of(err), message_of(err)
    headers = err.headers if isinstance(err, WebError) else {}
    if wants_json(request):
        return JsonAnswer({"ok": False, "message": message}, status, headers)
    found = _error_page(request, status, message)
    found.headers.update(headers)
    return found
