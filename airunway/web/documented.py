"""The OpenAPI document: what the routes say, with the shapes of their answers.

Answers are sent as they are made, so FastAPI knows nothing of them; a handler names the type of its answer
here, which becomes a schema when the document is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from airunway.web.shapes.common import MisfitShape, PlainRefusalShape, RefusalShape

_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_MARK = "__answer_shapes__"
_REFERENCES = "#/components/schemas/{model}"
_REFUSALS: Any = RefusalShape | MisfitShape | PlainRefusalShape


def answers(shape: Any, **by_status: Any) -> Callable[[_Handler], _Handler]:
    """Say what a handler answers where all is well; `by_status`: `s202=` for another status beside it."""

    def marked(handler: _Handler) -> _Handler:
        more = {status.removeprefix("s"): other for status, other in by_status.items()}
        setattr(handler, _MARK, {"": shape, **more})
        return handler

    return marked


def document_answers(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Have the document say what routers answer; what does not fit is a 400, not the library's 422."""
    generate = app.openapi

    def generated() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            _fill_in(schema, list(_shapes(routers)))
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = generated  # type: ignore[method-assign]


def _shapes(routers: Sequence[APIRouter]) -> Iterator[tuple[str, str, str, Any]]:
    """Path, method, status and shape of all answers that are documented."""
    for route in chain.from_iterable(router.routes for router in routers):
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        usual = str(route.status_code or 200)
        for method in route.methods or ():
            for status, shape in getattr(route.endpoint, _MARK, {}).items():
                yield route.path_format, method.lower(), status or usual, shape


def _fill_in(schema: dict[str, Any], shapes: list[tuple[str, str, str, Any]]) -> None:
    keyed: dict[Any, Any] = {tuple(where): shape for *where, shape in shapes}
    made, definitions = TypeAdapter.json_schemas(
        [
            (key, "serialization", TypeAdapter(shape))
            for key, shape in [*keyed.items(), ("refusal", _REFUSALS)]
        ],
        ref_template=_REFERENCES,
    )
    schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions.get("$defs", {}))
    refusal = {"description": "The request is refused", **_content(made["refusal", "serialization"])}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            responses.pop("422", None)
            responses["default"] = refusal
            for (at, by, status), _ in keyed.items():
                if (at, by) == (path, method):
                    found = made[(at, by, status), "serialization"]
                    responses[status] = {"description": "As asked", **_content(found)}


def _content(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
