"""What a client asks for: the verb, the kind, the object and the options, read from path, query and headers.

Paths: https://kubernetes.io/docs/reference/using-api/api-concepts/. A request is plain data; `server.py`
makes it from HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from . import protobuf
from .errors import NoSuchGroup, bad_request, no_such_path, unrecognized, unsupported_media_type
from .kinds import Kind, Registry
from .users import ADMINISTRATOR, User

APPLY_PATCH = "application/apply-patch+yaml"
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY_PATCH,
)
_TRUE = {"true", "1", "t", "T", "TRUE", "True", ""}


@dataclass(slots=True)
class Request:
    """One request on a resource."""

    method: str
    kind: Kind
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    warnings: list[str]
    user: User = ADMINISTRATOR

    def flag(self, name: str) -> bool:
        """A boolean option; absent is false."""
        return name in self.query and self.query[name] in _TRUE

    def number(self, name: str) -> int | None:
        """A whole-number option."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None

    @property
    def dry_run(self) -> bool:
        """Whether the write is only a rehearsal."""
        return self.query.get("dryRun", "") == "All"

    @property
    def manager(self) -> str:
        """The field manager: the named one, or the client's program name."""
        named = self.query.get("fieldManager")
        if named:
            return named
        agent = self.headers.get("User-Agent", "")
        return agent.split("/")[0][:128] or "unknown"

    @property
    def media_type(self) -> str:
        """The body's media type without parameters."""
        return self.headers.get("Content-Type", "").split(";")[0].strip().lower()

    @property
    def field_validation(self) -> str:
        """What to do about unknown fields: Ignore, Warn or Strict."""
        return self.query.get("fieldValidation") or "Warn"

    def json_body(self, *, definition: str = "") -> Any:
        """The body as plain data.

        `definition` is its type when that is not the kind's own, which only protobuf needs to know.
        """
        kind = self.media_type
        if kind == protobuf.MEDIA_TYPE and self.kind.builtin:
            return self._protobuf_body(definition or self.kind.definition)
        if kind not in (
            "",
            "application/json",
            "application/yaml",
            "application/x-www-form-urlencoded",
            "*/*",
        ):
            raise unsupported_media_type(["application/json", "application/yaml"])
        try:
            return parse(self.body, yaml_allowed=kind == "application/yaml")
        except NotJSON as error:
            why = f"couldn't get version/kind; json parse error: {error}"
            raise unrecognized(self.kind.kind, why, self.body.decode(errors="replace")) from error

    def _protobuf_body(self, definition: str) -> Any:
        try:
            return protobuf.decode(self.body, definition)
        except protobuf.NotProtobuf as error:
            raise unrecognized(self.kind.kind, str(error), self.body.decode(errors="replace")) from error


class _YAMLLoader(yaml.CSafeLoader):
    """Leaves times as text, as Kubernetes does."""


_YAMLLoader.yaml_implicit_resolvers = {
    letter: [(tag, expression) for tag, expression in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def parse(body: bytes, *, yaml_allowed: bool = False) -> Any:
    """JSON, or YAML where it is allowed. Raises NotJSON."""
    if yaml_allowed and body.lstrip()[:1] != b"{":
        try:
            return yaml.load(body, Loader=_YAMLLoader)
        except yaml.YAMLError as error:
            raise NotJSON(f"error decoding YAML: {error}") from error
    try:
        return json.loads(body)
    except ValueError as error:
        raise NotJSON(str(error)) from error


class NotJSON(Exception):
    """A body that cannot be read."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


def target_of(path: str, kinds: Registry) -> Target:
    """Reads a resource path; 404 when nothing is served there."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise NoSuchGroup
    if not kinds.serves(group, version):
        raise NoSuchGroup
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and kinds.find(group, version, rest[2]) is not None:
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, version, rest[0])
    if kind is None or (namespace and not kind.namespaced) or len(rest) > 3:
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else ""
    if name and kind.namespaced and not namespace:
        raise no_such_path()
    return Target(kind, namespace, name, rest[2] if len(rest) > 2 else "")
