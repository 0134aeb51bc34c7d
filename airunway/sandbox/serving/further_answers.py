"""What a pretend model server answers at `/v1/responses` and `/v1/embeddings`. Pure but for the clock.

Apart from `answers.py`, which has the older two of OpenAI's shapes: these share no part with them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.sandbox.serving.answers import Json, last_message, words_of

DIMENSIONS = 8
"""Of an embedding: short enough to be read."""


def response(request: Mapping[str, Any], *, number: int) -> Json:
    """The whole answer of `/v1/responses`. `number`: which one of this server it is."""
    asked, words = last_message(request), words_of(str(request["model"]), last_message(request))
    said = {"type": "output_text", "text": "".join(words), "annotations": []}
    count, generated = len(asked.split()), len(words)
    return {
        **_head(request, "completed", number=number),
        "output": [{**_message("completed", number=number), "content": [said]}],
        "usage": {"input_tokens": count, "output_tokens": generated, "total_tokens": count + generated},
    }


def response_events(request: Mapping[str, Any], *, number: int) -> Iterator[bytes]:
    """The same as server-sent events, each of a type of its own; the last one has the whole answer."""
    place = {"item_id": f"msg-{number}", "output_index": 0, "content_index": 0}
    events: list[Json] = [
        {"type": "response.created", "response": _head(request, "in_progress", number=number)}
    ]
    words = words_of(str(request["model"]), last_message(request))
    events += [{"type": "response.output_text.delta", **place, "delta": word} for word in words]
    events += [
        {"type": "response.output_text.done", **place, "text": "".join(words)},
        {"type": "response.completed", "response": response(request, number=number)},
    ]
    for order, event in enumerate(events):
        text = json.dumps({**event, "sequence_number": order})
        yield f"event: {event['type']}\ndata: {text}\n\n".encode()


def embeddings(request: Mapping[str, Any], *, number: int) -> Json:
    """The answer of `/v1/embeddings`: the same numbers for the same text, which mean nothing."""
    given = request.get("input")
    texts = [str(one) for one in given] if isinstance(given, list) else [str(given or "")]
    count = sum(len(text.split()) for text in texts)
    return {
        "id": f"embd-{number}",
        "object": "list",
        "created": int(time.time()),
        "model": str(request["model"]),
        "data": [
            {"object": "embedding", "index": index, "embedding": _numbers(text)}
            for index, text in enumerate(texts)
        ],
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }


def _numbers(text: str) -> list[float]:
    digest = hashlib.sha256(text.encode(errors="replace")).digest()[:DIMENSIONS]
    return [round(byte / 127.5 - 1, 6) for byte in digest]


def _head(request: Mapping[str, Any], status: str, *, number: int) -> Json:
    return {
        "id": f"resp-{number}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "model": str(request["model"]),
        "output": [],
    }


def _message(status: str, *, number: int) -> Json:
    return {"type": "message", "id": f"msg-{number}", "role": "assistant", "status": status}
