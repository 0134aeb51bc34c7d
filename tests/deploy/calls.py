"""Every call of our packages to the API server, read from the source: `cluster.<method>(<kind>, ...)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from airunway.gateway.kinds import WITH_ISTIO
from tests.deploy.manifests import ROOT

VERBS = {
    "get": ["get"],
    "find": ["get"],
    "listing": ["list"],
    "pages": ["list"],
    "create": ["create"],
    "apply": ["create", "patch"],  # an apply that finds nothing creates
    "patch": ["patch"],
    "delete": ["delete"],
    "Reflector": ["list", "watch"],
    "_read": ["list"],
}
FOLDERS = ("activities", "airunway/clients", "airunway/web", "airunway/webhook", "workers")
GENERIC = {"airunway.clients.reflector", "airunway.clients.crds", "airunway.clients.access_review"}
"""They call for others, whose own call is found; what one may do, everybody may ask."""
HELPERS = {("airunway.activities.upstream.diagnostics", "listing")}
"""The same of a function within a module: `_read`."""


@dataclass(frozen=True)
class Call:
    """One call: `kind` is a constant of the module, or empty where it is a variable."""

    module: str
    method: str
    kind: str
    status: bool

    @property
    def verbs(self) -> list[str]:
        """What the API server asks the roles for."""
        # Only what exists has a status to apply to.
        return ["patch"] if self.status else VERBS[self.method]

    @property
    def resource(self) -> str:
        """As kubectl writes it; empty where the kind is a variable."""
        if not self.kind:
            return ""
        named = getattr(import_module(self.module), self.kind)
        # `served[GATEWAY]`: a kind of the gateway by its name, in the version that is served.
        kind = WITH_ISTIO[named] if isinstance(named, str) else named
        group = kind.api_version.rpartition("/")[0]
        return f"{kind.plural}.{group}" if group else kind.plural


@cache
def calls() -> list[Call]:
    """Every call, file by file."""
    return [call for call in _calls() if call.kind or (call.module, call.method) not in HELPERS]


def _calls() -> Iterator[Call]:
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts if parts[0] == "airunway" else ("airunway", *parts))
            if module not in GENERIC and not module.startswith("airunway.clients.kubernetes."):
                yield from _calls_in(module, ast.parse(file.read_text()))


def _calls_in(module: str, tree: ast.AST) -> Iterator[Call]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, arguments = node.func, node.args
        if isinstance(function, ast.Attribute) and "cluster" in ast.unparse(function.value).lower():
            if ast.unparse(function.value).startswith("caller."):
                continue  # with the token of whoever calls the web process
            method, kinds = function.attr, arguments[:1]
        elif isinstance(function, ast.Name) and function.id in ("Reflector", "_read"):
            method, kinds = function.id, arguments[1:2]
        else:
            continue
        if method in VERBS and kinds:
            name = ast.unparse(kinds[0])
            status = any(
                word.arg == "subresource" and "status" in ast.unparse(word.value) for word in node.keywords
            )
            name = name.removeprefix("facts.").removeprefix("served[").removesuffix("]")
            yield Call(module, method, name if name.isupper() else "", status)
