"""What a pretend model server answers, in the shapes of OpenAI's API. Pure but for the clock."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
DONE = b"data: [DONE]\n\n"


def model_list(models: list[str]) -> Json:
    """Of `/v1/models`."""
    return {
        "object": "list",
        "data": [{"id": one, "object": "model", "owned_by": "sandbox"} for one in models],
    }


def words_of(model: str, asked: str) -> list[str]:
    """The canned answer, in the pieces in which it is streamed."""
    heard = f" You said: {asked}" if asked else ""
    text = f"This is {model}, which only pretends: the sandbox runs no model.{heard}"
    return [word if at == 0 else f" {word}" for at, word in enumerate(text.split(" "))]


def last_message(request: Mapping[str, Any]) -> str:
    """What the user said last, its first 200 characters; empty when that is no text."""
    given = request.get("messages") or request.get("input")
    last = given[-1] if isinstance(given, list) and given else given
    said = last.get("content") if isinstance(last, dict) else request.get("prompt") or last
    if isinstance(said, list) and said and isinstance(said[-1], dict):  # in parts, of which one is text
        said = said[-1].get("text")
    return said[:200] if isinstance(said, str) else ""


def completion(request: Mapping[str, Any], *, chat: bool, number: int) -> Json:
    """The whole answer. `number`: which one of this server it is."""
    model = str(request["model"])
    words = words_of(model, last_message(request))
    text = "".join(words)
    content: Json = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    asked = len(last_message(request).split())
    usage = {
        "prompt_tokens": asked,
        "completion_tokens": len(words),
        "total_tokens": asked + len(words),
    }
    choice = {"index": 0, "finish_reason": "stop", **content}
    kind = "chat.completion" if chat else "text_completion"
    return {**_head(model, kind, chat=chat, number=number), "choices": [choice], "usage": usage}


def events(request: Mapping[str, Any], *, chat: bool, number: int) -> Iterator[bytes]:
    """The same as server-sent events: a piece at a time, then why it ends, then `[DONE]`."""
    model = str(request["model"])
    kind = "chat.completion.chunk" if chat else "text_completion"
    head = _head(model, kind, chat=chat, number=number)

    def event(piece: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "finish_reason": finish, **piece}
        return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"

    if chat:
        yield event({"delta": {"role": "assistant", "content": ""}})
    for word in words_of(model, last_message(request)):
        yield event({"delta": {"content": word}} if chat else {"text": word})
    yield event({"delta": {}} if chat else {"text": ""}, "stop")
    yield DONE


def _head(model: str, kind: str, *, chat: bool, number: int) -> Json:
    prefix = "chatcmpl" if chat else "cmpl"
    return {"id": f"{prefix}-{number}", "object": kind, "created": int(time.time()), "model": model}


def error(message: str, *, kind: str = "invalid_request_error", param: str = "", code: str = "") -> Json:
    """An error in OpenAI's shape."""
    said = {"message": message, "type": kind, "param": param or None, "code": code or None}
    return {"error": said}


def unknown_model(model: str) -> Json:
    """That nobody here serves a model."""
    words = f"The model `{model}` does not exist"
    return error(words, param="model", code="model_not_found")
