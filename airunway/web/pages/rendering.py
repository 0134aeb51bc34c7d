"""Templates to answers, and refusals as pages: what a person reads instead of JSON.

Everything that is shown was written by somebody else: templates escape it, and letters that steer a reader's
eye (controls, bidirectional overrides) are replaced before that.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
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


class PageRoute(APIRoute):
    """A route whose refusals are pages; who has not signed in is led there and back."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with refusals made into pages."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
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
    if wants_json(request):
        return JsonAnswer({"ok": False, "message": message}, status)
    return page(request, "error.html", None, status=status, message=message, code=status)
