"""From a body to an object of its kind: the right type, known fields only, defaults filled in.

Wording of refusals: k8s.io/apiserver/pkg/endpoints/handlers (create.go, patch.go).
"""

from __future__ import annotations

import copy
import json
from typing import Any

from . import causes, defaults, gotypes, structural
from .errors import StatusError, bad_request, invalid, unrecognized
from .gotypes import WrongType
from .kinds import Kind
from .requests import Request
from .schema import ABSENT, object_meta
from .store import encode_json
from .type_faults import go_text

Obj = dict[str, Any]
_TYPE = ("kind", "apiVersion")


def body(request: Request) -> Obj:
    """The object in a POST or PUT; 400 when it is not one of the kind."""
    kind = request.kind
    obj = request.json_body()
    if not isinstance(obj, dict):
        text = json.dumps(obj)
        raise unrecognized(kind.kind, "couldn't get version/kind; json parse error: not an object", text)
    check_type(kind, obj)
    unknown: list[str] = []
    try:
        out = fit(kind, obj, unknown)
    except WrongType as error:
        raise bad_request(f"{_unfit(kind)}: {error}") from error
    if faults := _unknown_faults(request, unknown):
        raise bad_request(f"{_unfit(kind)}: strict decoding error: {faults}")
    return out


def patched(request: Request, obj: Obj, patch: Any) -> Obj:
    """A live object after a patch; 422 when the patch spoilt it."""
    kind = request.kind
    shown = go_text(patch) if "strategic" in request.media_type else encode_json(obj)
    unknown: list[str] = []
    try:
        check_type(kind, obj)
        out = fit(kind, obj, unknown)
    except WrongType as error:
        raise _bad_patch(shown, str(error)) from error
    if faults := _unknown_faults(request, unknown):
        raise _bad_patch(shown, f"strict decoding error: {faults}")
    return out


def applied(kind: Kind, obj: Obj, live: Obj) -> Obj:
    """A live object after an apply, whose types were checked before.

    Unlike in a body, a null stays where it is, and is then found invalid: also where an apply left nothing of
    an object but the key. The real server is that strict, so this one must be.
    """
    try:
        if kind.builtin:
            return fit(kind, obj, [])
        # What the apply did not touch fits already; the rest is copied, since fitting changes it in place.
        same = {key: value for key, value in obj.items() if value is live.get(key)}
        changed = {key: json.loads(encode_json(value)) for key, value in obj.items() if key not in same}
        return ordered(kind, {**fit(kind, changed, [], keep_nulls=True), **same})
    except WrongType as error:
        raise bad_request(f"{_unfit(kind)}: {error}") from error


def check_type(kind: Kind, obj: Obj) -> None:
    """400 when the object says it is of another kind or version."""
    version, name = obj.get("apiVersion"), obj.get("kind")
    if not name and not kind.builtin:
        text = json.dumps(obj)
        raise unrecognized(kind.kind, f"Object 'Kind' is missing in '{text}'", text)
    if version and version != kind.api_version:
        found = version.rpartition("/")[2]
        raise bad_request(
            f'{name or kind.kind} in version "{found}" cannot be handled as a {kind.kind}: no kind '
            f'"{name or kind.kind}" is registered for version "{version}"'
        )
    if name and name != kind.kind:
        raise bad_request(f'{name} in version "{kind.version}" cannot be handled as a {kind.kind}')


def fit(kind: Kind, obj: Obj, unknown: list[str], *, keep_nulls: bool = False) -> Obj:
    """An object in the form its kind is kept in; may change `obj`. Raises WrongType."""
    meta = obj.get("metadata")
    if meta is None:
        obj = {**obj, "metadata": {}}
    elif not isinstance(meta, dict):
        raise WrongType(f"cannot unmarshal {type(meta).__name__} into Go struct field {kind.kind}.metadata")
    if kind.builtin:
        out = gotypes.normalise(obj, kind.node, unknown)
        defaults.apply(kind, out)
        return ordered(kind, out)
    node = kind.node
    if not keep_nulls:
        structural.drop_nulls(obj, node)
    structural.prune(obj, node, unknown)
    unknown.sort(key=lambda path: (not path.startswith("metadata."), path))
    obj["metadata"] = gotypes.normalise(obj["metadata"], object_meta())
    structural.default(obj, node)
    return ordered(kind, obj)


def default_status(kind: Kind, obj: Obj) -> None:
    """Fills in the default of a custom resource's status where the write left none.

    The real server drops the status of what is created, and finds the default when it reads it from etcd.
    """
    node = None if kind.builtin else kind.node.props.get("status")
    if node is not None and node.default is not ABSENT and "status" not in obj:
        obj["status"] = copy.deepcopy(node.default)
        structural.default(obj["status"], node)


def ordered(kind: Kind, obj: Obj) -> Obj:
    """The object with its type first, which answers rely on to cut it off in lists."""
    rest = {key: value for key, value in obj.items() if key not in _TYPE}
    return {"kind": kind.kind, "apiVersion": kind.api_version, **rest}


def _unfit(kind: Kind) -> str:
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'


def _unknown_faults(request: Request, unknown: list[str]) -> str:
    """What to refuse an object for; otherwise the client is only warned, if it wants to be."""
    faults = [f'unknown field "{path}"' for path in unknown]
    if request.field_validation == "Strict":
        return ", ".join(faults)
    if request.field_validation == "Warn":
        request.warnings.extend(faults)
    return ""


def _bad_patch(shown: str, why: str) -> StatusError:
    return invalid("", "", "", [causes.invalid("patch", shown, why)])
