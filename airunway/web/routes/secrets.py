"""The Hugging Face token in the namespaces of providers, and signing in at the hub for it (web-api.md §3.6).

Secrets are read and written with the caller's rights: this process has none on these.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from airunway.api.names import WEB_FIELD_MANAGER
from airunway.clients.errors import ApiError, Forbidden, NotFound
from airunway.clients.kubernetes import NAMESPACES, SECRETS, Object
from airunway.web.answers import JsonAnswer
from airunway.web.derive.bodies import ShortText, WebBody
from airunway.web.documented import answers
from airunway.web.errors import WebError, error_answer
from airunway.web.identity import Caller
from airunway.web.shapes.tokens import (
    HubTokenShape,
    OAuthConfigShape,
    OAuthStartShape,
    TokenDeletedShape,
    TokenSavedShape,
    TokenStatusShape,
)
from airunway.web.sign_ins import MAX_RETURN_LENGTH, MAX_STATE_LENGTH
from airunway.web.state import SignedIn, State, WebState

router = APIRouter(prefix="/api/secrets", tags=["secrets"])
oauth = APIRouter(prefix="/api/oauth/huggingface", tags=["oauth"])

SECRET, KEY = "hf-token-secret", "HF_TOKEN"
PLACES = ("dynamo-system", "ray-system", "kuberay-system", "kaito-workspace", "default")
LABELS = {
    "app.kubernetes.io/managed-by": "airunway",
    "airunway.ai/secret-type": "huggingface-token",
}
SCOPES = ["openid", "profile", "read-repos"]
CLIENT_ID = "e05817a1-7053-4b9e-b292-29cd219fccf8"
"""AI Runway's, a public one; HF_CLIENT_ID names another."""


class TokenBody(WebBody):
    """A token of the hub."""

    access_token: Annotated[str, Field(min_length=1, max_length=4096)]


@router.get("/huggingface/status")
@answers(TokenStatusShape)
async def token_status(state: State, caller: SignedIn) -> Response:
    """In which namespaces there is one, as far as the caller may see, and whose it is."""
    shown, token = [], ""
    for namespace in PLACES:
        found = await _find(caller, namespace)
        shown.append({"name": namespace, "exists": found is not None})
        token = token or _token_in(found)
    user = None
    if token:
        try:
            user = await state.hub.user(token)
        except WebError:
            user = None  # it is there all the same; that the hub refuses it shows when it is used
    return JsonAnswer(
        {"configured": any(entry["exists"] for entry in shown), "namespaces": shown, "user": user}
    )


@router.post("/huggingface")
@answers(TokenSavedShape)
async def save_token(state: State, caller: SignedIn, body: TokenBody) -> Response:
    """Keep it where deployments look for it, once the hub has accepted it."""
    user = await state.hub.user(body.access_token)
    results = [await _save(caller, namespace, body.access_token) for namespace in PLACES]
    failed = [entry for entry in results if not entry["success"]]
    if failed:
        words = "; ".join(f"{entry['namespace']}: {entry['error']}" for entry in failed)
        return error_answer(500, f"the token could not be saved everywhere: {words}", results=results)
    message = f"Token saved in {len(results)} namespaces"
    return JsonAnswer({"success": True, "message": message, "user": user, "results": results})


@router.delete("/huggingface")
@answers(TokenDeletedShape)
async def delete_token(caller: SignedIn) -> Response:
    """Take it away everywhere; where there is none, that is well."""
    results = [await _delete(caller, namespace) for namespace in PLACES]
    success = all(entry["success"] for entry in results)
    message = "Token deleted" if success else "The token could not be deleted everywhere"
    return JsonAnswer({"success": success, "message": message, "results": results})


async def _find(caller: Caller, namespace: str) -> Object | None:
    try:
        return await caller.cluster.find(SECRETS, SECRET, namespace=namespace)
    except Forbidden:
        return None


def _token_in(secret: Object | None) -> str:
    try:
        return base64.b64decode(((secret or {}).get("data") or {}).get(KEY) or "").decode().strip()
    except (binascii.Error, UnicodeDecodeError, TypeError):
        return ""


async def _save(caller: Caller, namespace: str, token: str) -> dict[str, Any]:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": namespace, "labels": LABELS},
        "type": "Opaque",
        "data": {KEY: base64.b64encode(token.encode()).decode()},
    }
    try:
        try:
            await caller.cluster.apply(SECRETS, body, field_manager=WEB_FIELD_MANAGER)
        except NotFound:
            place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            await caller.cluster.create(NAMESPACES, place)
            await caller.cluster.apply(SECRETS, body, field_manager=WEB_FIELD_MANAGER)
    except ApiError as err:
        return {"namespace": namespace, "success": False, "error": str(err)}
    return {"namespace": namespace, "success": True}


async def _delete(caller: Caller, namespace: str) -> dict[str, Any]:
    try:
        await caller.cluster.delete(SECRETS, SECRET, namespace=namespace)
    except NotFound:
        pass
    except ApiError as err:
        return {"namespace": namespace, "success": False, "error": str(err)}
    return {"namespace": namespace, "success": True}


# -- signing in at the hub -------------------------------------------------------------------------------


class StartBody(WebBody):
    """Where the hub sends the person back to."""

    redirect_uri: Annotated[
        ShortText, Field(pattern=r"^https?://", min_length=8, max_length=MAX_RETURN_LENGTH)
    ]


class CodeWithStateBody(WebBody):
    """What the hub gave, of a sign-in that began here."""

    code: Annotated[ShortText, Field(min_length=1)]
    state: Annotated[str, Field(pattern=r"^[A-Za-z0-9_=-]+$", max_length=MAX_STATE_LENGTH)]


class CodeBody(WebBody):
    """What the hub gave, of a sign-in that began in the browser."""

    code: Annotated[ShortText, Field(min_length=1)]
    code_verifier: Annotated[str, Field(min_length=43, max_length=128)]
    redirect_uri: Annotated[ShortText, Field(pattern=r"^https?://", min_length=8)]


@oauth.get("/config")
@answers(OAuthConfigShape)
async def oauth_config(state: State) -> Response:
    """What a client needs to begin."""
    return JsonAnswer(
        {"clientId": client_id(), "authorizeUrl": f"{state.hub.endpoint}/oauth/authorize", "scopes": SCOPES}
    )


@oauth.post("/start")
@answers(OAuthStartShape)
async def start(state: State, body: StartBody) -> Response:
    """Begin; the verifier goes along in the state, which only we can read, for ten minutes."""
    begun = state.sign_ins.begin(body.redirect_uri)
    query = {
        "client_id": client_id(),
        "redirect_uri": body.redirect_uri,
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "state": begun.state,
        "code_challenge": begun.challenge,
        "code_challenge_method": "S256",
    }
    url = f"{state.hub.endpoint}/oauth/authorize?{urlencode(query)}"
    return JsonAnswer({"authorizationUrl": url, "state": begun.state})


@oauth.post("/token-with-state")
@answers(HubTokenShape)
async def token_with_state(state: State, body: CodeWithStateBody) -> Response:
    """The token, for a sign-in that began at any replica."""
    begun = state.sign_ins.end(body.state)
    if begun is None:
        raise WebError(404, "this sign-in is not known, is over, or has taken too long: begin again")
    return JsonAnswer(await _token(state, body.code, begun.verifier, begun.redirect_uri))


@oauth.post("/token")
@answers(HubTokenShape)
async def token(state: State, body: CodeBody) -> Response:
    """The token, for a sign-in whose verifier the browser keeps."""
    return JsonAnswer(await _token(state, body.code, body.code_verifier, body.redirect_uri))


@oauth.get("/verifier/{mark}")
async def verifier(mark: Annotated[str, Path(max_length=200)]) -> Response:
    """Verifiers are never given out."""
    raise WebError(410, "verifiers are not given out; use /token-with-state")


async def _token(state: WebState, code: str, verifier: str, redirect: str) -> dict[str, Any]:
    answer = await state.hub.exchange(
        {
            "grant_type": "authorization_code",
            "client_id": client_id(),
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
    )
    token = str(answer["access_token"])
    shown: dict[str, Any] = {"accessToken": token, "tokenType": "Bearer", "user": await state.hub.user(token)}
    if isinstance(answer.get("expires_in"), int):
        shown["expiresIn"] = answer["expires_in"]
    if answer.get("scope"):
        shown["scope"] = str(answer["scope"])
    return shown


def client_id() -> str:
    """Of the OAuth application."""
    return os.environ.get("HF_CLIENT_ID") or CLIENT_ID
