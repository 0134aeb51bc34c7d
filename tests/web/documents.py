"""The OpenAPI document as the judge of answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jsonschema

from tests.web.place import Answered

ALIASES = {"/api/providers": "/api/settings/providers", "/api/installation/runtimes": "/api/runtimes"}
"""Paths that are answered as others are, and stand in no document."""


def check_answer(document: Mapping[str, Any], method: str, path: str, answer: Answered) -> None:
    """Raises where an answer is none that the document knows."""
    responses = operation_at(document, method.lower(), path.partition("?")[0])["responses"]
    response = responses.get(str(answer.status)) or responses["default"]
    schema = response["content"]["application/json"]["schema"]
    jsonschema.validate(answer.body, {**schema, "components": document["components"]})


def operation_at(document: Mapping[str, Any], method: str, path: str) -> Mapping[str, Any]:
    """What is documented of a path: of the templates that fit, the one with the fewest places to fill."""
    for alias, usual in ALIASES.items():
        path = usual + path.removeprefix(alias) if path.startswith(alias) else path
    fitting = [
        template
        for template, methods in document["paths"].items()
        if method in methods and re.fullmatch(re.sub(r"\{[^}]+\}", ".+", template), path)
    ]
    template = min(fitting, key=lambda text: (text.count("{"), -len(text)))
    return document["paths"][template][method]  # type: ignore[no-any-return]
