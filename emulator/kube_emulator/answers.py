"""Turns requests on resources into answers: which verb it is, and in which form the client wants the
result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import access, conversion, listing, subresources, tables, tokens
from .deletion import Deleter
from .errors import method_not_allowed, no_such_path, not_acceptable
from .listing import Page
from .requests import Request
from .store import Store, Version, encode_json
from .users import Users
from .writes import Outcome, Writer

_JSON = "application/json"
_ACCEPTED = ("application/json", "application/yaml")


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer: its code and JSON body."""

    code: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """What the client can read: objects (`""`) or `Table`."""

    name: str = ""

    @classmethod
    def accepted(cls, accept: str) -> Form:
        """The first form in an Accept header that can be written; 406 when there is none."""
        for clause in (accept or _JSON).split(","):
            media, *parameters = (part.strip() for part in clause.split(";"))
            options = dict(part.partition("=")[::2] for part in parameters)
            if media not in (_JSON, "application/*", "*/*"):
                continue
            name = options.get("as", "")
            if not name:
                return cls()
            if (name, options.get("g"), options.get("v")) == ("Table", "meta.k8s.io", "v1"):
                return cls(name)
        raise not_acceptable(_ACCEPTED)


class Resources:
    """Handles requests on resources, watches aside."""

    def __init__(self, store: Store, writer: Writer, deleter: Deleter, users: Users) -> None:
        self._store = store
        self._users = users
        self._writer = writer
        self._deleter = deleter

    def answer(self, request: Request) -> Answer:
        """The answer to any request but a watch."""
        kind, method = request.kind, request.method
        form = Form.accepted(request.headers.get("Accept", ""))
        if request.subresource and request.subresource not in kind.subresources:
            raise no_such_path()
        if request.subresource not in ("", "status"):
            return self._subresource(request)
        if kind.verbs == ("create",):
            if method != "POST" or request.name:
                raise method_not_allowed()
            return _json(201, access.review(request, self._store, self._users))
        if not request.name:
            return self._on_collection(request, form)
        if method == "GET":
            return self._one(request, form, listing.find(self._store, request), 200)
        if method == "PUT":
            return self._written(request, form, self._writer.update(request))
        if method == "PATCH":
            return self._written(request, form, self._writer.patch(request))
        if method == "DELETE" and not request.subresource:
            return _json(200, self._deleter.delete(request, listing.find(self._store, request)))
        raise method_not_allowed()

    def _on_collection(self, request: Request, form: Form) -> Answer:
        kind = request.kind
        if request.method == "GET":
            return self._list(request, form, listing.page(self._store, request))
        if request.method == "POST":
            if kind.namespaced and not request.namespace:
                raise method_not_allowed()
            return self._written(request, form, self._writer.create(request))
        whole = request.namespace or not kind.namespaced
        if request.method == "DELETE" and whole and "deletecollection" in kind.verbs:
            found = listing.page(self._store, request)
            for version in found.items:
                self._deleter.delete(request, version)
            return self._list(request, form, found)
        raise method_not_allowed()

    def _list(self, request: Request, form: Form, page: Page) -> Answer:
        if form.name == "Table":
            include = request.query.get("includeObject", "")
            return _json(200, tables.table(request.kind, page.items, page.metadata(), include=include))
        return Answer(200, listing.list_body(request, page))

    def _one(self, request: Request, form: Form, version: Version, code: int) -> Answer:
        if not form.name:
            return Answer(code, conversion.body(request.kind, version))
        metadata = {"resourceVersion": str(version.rv)}
        include = request.query.get("includeObject", "")
        return _json(code, tables.table(request.kind, [version], metadata, include=include))

    def _written(self, request: Request, form: Form, outcome: Outcome) -> Answer:
        if outcome.version is not None:
            return self._one(request, form, outcome.version, outcome.code)
        if not form.name:
            return _json(outcome.code, outcome.obj)
        return self._one(
            request,
            form,
            Version(int(outcome.obj["metadata"].get("resourceVersion", 0)), outcome.obj),
            outcome.code,
        )

    def _subresource(self, request: Request) -> Answer:
        kind, name, method = request.kind, request.subresource, request.method
        if name == "scale" and method == "GET":
            version = listing.find(self._store, request)
            return _json(200, subresources.scale_of(kind, version, must_have=not kind.builtin))
        if name == "scale" and method in ("PUT", "PATCH"):
            return _json(200, subresources.write_scale(request, self._writer))
        if name == "binding" and method == "POST":
            return _json(201, subresources.bind(request, self._writer))
        if name == "token" and method == "POST":
            return _json(201, tokens.issue(request, self._store, self._users, self._writer.now))
        raise method_not_allowed()


def _json(code: int, obj: Any) -> Answer:
    return Answer(code, encode_json(obj).encode())
