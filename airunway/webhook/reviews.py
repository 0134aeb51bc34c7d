"""AdmissionReview on the wire: a request read from bytes, an answer written as JSON data.

Apart from the rules, so that these see an object and not an envelope. Source: crds.md §4.1, "Response
forms"; the envelope is `admission.k8s.io/v1`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from airunway.api.findings import Verdict
from airunway.clients.bounded_json import BadDocument, read_json_off_loop
from airunway.webhook.json_patch import PatchOperation

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

# The text of a refusal grows with the object; far beyond what anyone reads it only costs.
MAX_ELEMENTS = 500_000
"""Of a body, as far as its commas and brackets tell."""
MAX_MESSAGE_LENGTH = 64 * 1024
MAX_WARNING_LENGTH = 250  # characters; the API server cuts at 256 when there are many


class BadReview(ValueError):
    """The body is no AdmissionReview that could be answered; the message says why."""


@dataclass(frozen=True, kw_only=True)
class AdmissionRequest:
    """What is asked about one write. `old`: the stored object, on update."""

    uid: str
    operation: str
    object: Any = None
    old: Any = None
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def concerns_spec(self) -> bool:
        """Whether this is a write that the webhooks are registered for; others pass."""
        return self.operation in ("CREATE", "UPDATE") and not self.subresource

    @property
    def is_update(self) -> bool:
        """Whether a stored object changes."""
        return self.operation == "UPDATE"


@dataclass(frozen=True, kw_only=True)
class AdmissionAnswer:
    """What becomes of the write. `code` and `reason` only count when it is refused."""

    allowed: bool
    code: int = HTTPStatus.OK
    reason: str = ""
    message: str = ""
    warnings: list[str] = field(default_factory=list)
    patch: list[PatchOperation] = field(default_factory=list)


ALLOWED = AdmissionAnswer(allowed=True)


def verdict_answer(verdict: Verdict) -> AdmissionAnswer:
    """The answer of the rules: 403 `Forbidden` with all violations; warnings either way."""
    if verdict.allowed:
        return AdmissionAnswer(allowed=True, warnings=verdict.warnings)
    return AdmissionAnswer(
        allowed=False,
        code=HTTPStatus.FORBIDDEN,
        reason="Forbidden",
        message=verdict.message,
        warnings=verdict.warnings,
    )


def errored(code: HTTPStatus, message: str) -> AdmissionAnswer:
    """The answer when no rule could be asked: 400 for what cannot be read, 500 for our own fault."""
    return AdmissionAnswer(allowed=False, code=code, message=message)


async def read_review(body: bytes) -> AdmissionRequest:
    """The request in a body. Raises BadReview."""
    try:
        review = await read_json_off_loop(body, max_elements=MAX_ELEMENTS)
    except BadDocument as err:
        raise BadReview(f"the body cannot be read: {err}") from err
    if not isinstance(review, dict) or review.get("kind") != KIND or review.get("apiVersion") != API_VERSION:
        raise BadReview(f"the body must be an {KIND} of {API_VERSION}")
    request = review.get("request")
    uid = request.get("uid") if isinstance(request, dict) else None
    if not isinstance(request, dict) or not isinstance(uid, str) or not uid:
        raise BadReview("the review has no request with a uid")
    return AdmissionRequest(
        uid=uid,
        operation=_text(request, "operation"),
        object=request.get("object"),
        old=request.get("oldObject"),
        subresource=_text(request, "subResource"),
        namespace=_text(request, "namespace"),
        name=_text(request, "name"),
    )


def review_of(uid: str, answer: AdmissionAnswer) -> dict[str, Any]:
    """The AdmissionReview that carries an answer."""
    response: dict[str, Any] = {"uid": uid, "allowed": answer.allowed}
    if not answer.allowed:
        status: dict[str, Any] = {"code": int(answer.code), "message": _shortened(answer.message)}
        response["status"] = {**status, "reason": answer.reason} if answer.reason else status
    if answer.warnings:
        response["warnings"] = [_one_line(warning) for warning in answer.warnings]
    if answer.allowed and answer.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(answer.patch).encode()).decode()
    return {"apiVersion": API_VERSION, "kind": KIND, "response": response}


def _text(request: dict[str, Any], key: str) -> str:
    value = request.get(key)
    return value if isinstance(value, str) else ""


def _shortened(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_LENGTH else f"{message[:MAX_MESSAGE_LENGTH]}… (cut)"


def _one_line(warning: str) -> str:
    """A warning travels in an HTTP header: no control characters, and not too long."""
    plain = "".join(character if character.isprintable() else " " for character in warning)
    return plain if len(plain) <= MAX_WARNING_LENGTH else f"{plain[:MAX_WARNING_LENGTH]}…"
