"""Signing in and out with a cookie. A page's form and a script's JSON are both taken."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from airunway.web.answers import JsonAnswer
from airunway.web.documented import answers
from airunway.web.errors import NotSignedIn, WebError
from airunway.web.shapes.state import SessionShape
from airunway.web.state import State

router = APIRouter(tags=["session"])


@router.post("/session")
@answers(SessionShape)
async def sign_in(request: Request, state: State) -> Response:
    """Take a pasted token; a form is led to `next`, a path of this server, or to the first page."""
    is_form, given = await _given(request)
    token = str(given.get("token") or "").strip()
    if not token:
        raise WebError(400, "token: paste a Kubernetes token, such as `kubectl create token NAME` prints")
    address = state.identities.address_of(request)
    try:
        caller = await state.identities.of_token(token, address=address)
    except NotSignedIn as err:
        raise WebError(403, err.message) from err  # nobody was signed in before
    answer: Response = JsonAnswer({"user": caller.user})
    if is_form:
        answer = RedirectResponse(_own_path(str(given.get("next") or "/")), status_code=303)
    state.identities.sessions.begin(request, answer, token)
    return answer


@router.post("/session/end")
async def sign_out(request: Request, state: State) -> Response:
    """Take the cookie away."""
    answer: Response = RedirectResponse("/login", status_code=303)
    state.identities.sessions.end(request, answer)
    return answer


async def _given(request: Request) -> tuple[bool, dict[str, Any]]:
    """Whether it is a form, and its fields."""
    if request.headers.get("Content-Type", "").startswith("application/json"):
        try:
            body = await request.json()
        except ValueError as err:
            raise WebError(400, "Malformed JSON in request body") from err
        return False, body if isinstance(body, dict) else {}
    return True, dict(await request.form())


def _own_path(path: str) -> str:
    """A path of this server, wherever it was told to go."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"
