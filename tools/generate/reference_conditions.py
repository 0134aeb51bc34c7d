"""The page of conditions: every type and reason that the code writes down, found in its syntax trees.

Reasons that are computed (an operator's own, an error's class by a table) are named by where they come from.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from airunway.api import gateway_reasons
from airunway.messages.deployment_state import MODEL_IMAGE_READY, POLICY_REASONS
from airunway.messages.failure_endings import ENDINGS, OF_MODEL_IMAGES, OF_PUBLISHING
from airunway.messages.model_image_failures import REASONS
from airunway.workflows.model_deployment import installation
from airunway.workflows.model_deployment.progress import PROGRESSING, RECONCILING, SPEC_REFUSED, STALLED

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = (
    "airunway/api",
    "airunway/selection",
    "airunway/gateway",
    "airunway/installation",
    "airunway/messages",
)
ROOMS += ("airunway/provider", "activities", "workflows")
_COMPUTED: Mapping[str, Iterable[str]] = {
    gateway_reasons.GATEWAY_READY: OF_PUBLISHING,
    MODEL_IMAGE_READY: {*OF_MODEL_IMAGES, *REASONS.values()},
    installation.CONDITION: (
        *(installation.REQUIRED, installation.RUNNING),
        *(installation.FAILED, installation.DONE),
    ),
    "EngineSelected": ("SelectionFailed",),
    "ProviderSelected": ("SelectionFailed",),
    "ProviderHealthy": ("ProviderNotReady", "ProviderNotRegistered"),
    "ImageResolved": ("ConflictingImageFields",),
    "FieldsHonoured": ("FieldsIgnored", "FieldsDropped"),
    "ImageVerified": POLICY_REASONS,
    "ResourceCreated": {*POLICY_REASONS, "ResourceConflict"},
    "UpstreamReady": (
        *("CRDMissing", "UpstreamControllerMissing", "UpstreamControllerNotReady"),
        *("UpstreamControllerUnknown", "UpstreamHealthy", "ProbeFailed", "Unregistered"),
    ),
    "WorkerAlive": ("HeartbeatReceived", "Unregistered"),
    RECONCILING: (PROGRESSING,),
    STALLED: (SPEC_REFUSED,),
}
"""Reasons that are chosen where the condition is made: no call has both written down."""
_OF_ANOTHER = {RECONCILING: "that of `Ready`", STALLED: "that of what failed"}
"""Conditions that say a reason of another one besides."""
_FORMS = {
    "condition": ("type", "status", "reason"),
    "Condition": (),
    "set_condition": ("", "type", "status", "reason"),
    "failed": ("reason", "", "type"),
    "_true": ("type", "reason"),
    "_failed": ("", "", "type"),
}
"""Functions that make a condition, to what their arguments are in order."""

_FAILURE_FORMS = {
    "condition": ("", "status", "reason"),
    "set_condition": ("", "", "status", "reason"),
    "failed": ("reason",),
    "_false": ("", "reason"),
    "_failed": (),
    "_unhealthy": ("reason",),
    "_resolved": ("status", "reason"),
    "TrustRefused": ("reason",),
    "StandingFailure": (),
    "ProviderView": (),
}
"""Likewise those that say of something that it failed."""


def conditions_page() -> str:
    """A table of types, and the reasons of each."""
    found = reasons_of_conditions()
    lines = [
        "# Conditions and reasons",
        "",
        "Conditions of a ModelDeployment; `WorkerAlive` is that of an InferenceProviderConfig, and",
        "`UpstreamReady` of one whose provider has an operator. The message beside a reason says what",
        "happened, and what to do;",
        "[reasons of failure](../failures.md#reasons-of-failure) explains those that need somebody.",
        "Reasons that an operator gives itself are passed on as they are, and are not listed.",
        "",
        "| Condition | Reasons |",
        "|---|---|",
    ]
    lines += [
        f"| `{kind}` | {', '.join([*(f'`{reason}`' for reason in sorted(reasons)), *_others(kind)])} |"
        for kind, reasons in sorted(found.items())
    ]
    lines += [
        "",
        "## Reasons of model images",
        "",
        "`ModelImageReady` has the reason on the right when a step of the image ends in the error on the",
        "left.",
        "",
        "| Error | Reason |",
        "|---|---|",
        *(f"| `{error}` | `{reason}` |" for error, reason in REASONS.items()),
    ]
    lines += ["", *_endings()]
    return "\n".join(lines)


def reasons_of_conditions() -> dict[str, set[str]]:
    """Type of condition to its reasons: those that are written down, and those that are chosen."""
    found = reasons_by_type(_sources((*ROOMS, "providers", "workers")))
    for kind, reasons in _COMPUTED.items():
        found.setdefault(kind, set()).update(reasons)
    return found


def _others(kind: str) -> list[str]:
    return [_OF_ANOTHER[kind]] if kind in _OF_ANOTHER else []


def _endings() -> list[str]:
    """What ends each reason, as `airunway.messages.failure_endings` says."""
    return [
        "## What ends a failure",
        "",
        "A change of the spec or of the provider's config ends each, and so does `airunway retry`. Where the",
        "cause lies in another object, the message names it.",
        "",
        "| Reason | What ends it | Where its cause lies |",
        "|---|---|---|",
        *(f"| `{reason}` | {end.ending} | {end.cause} |" for reason, end in sorted(ENDINGS.items())),
    ]


def failure_reasons() -> set[str]:
    """Every reason that is written down where something is said to have failed, or not to be there yet."""
    trees = [*_sources((*ROOMS, "providers"))]
    everywhere = _constants(trees)
    found = {
        reason
        for name, reason in vars(gateway_reasons).items()
        if name.isupper() and isinstance(reason, str) and reason not in ("GatewayReady", "GatewayConfigured")
    }
    for tree in trees:
        constants = everywhere | _constants([tree])
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            form = _FAILURE_FORMS.get(_name(call.func))
            if form is None:
                continue
            given = _given(call, form)
            if "False" in _texts(given.get("status"), constants) or "status" not in given:
                found |= {*_texts(given.get("reason"), constants)}
    return found


def _sources(rooms: Iterable[str] = ROOMS) -> Iterator[ast.Module]:
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield ast.parse(file.read_text(encoding="utf-8"))


def reasons_by_type(modules: Iterable[ast.Module]) -> dict[str, set[str]]:
    """Type of condition to its reasons, of the calls that make one with both written down."""
    trees = list(modules)
    everywhere = _constants(trees)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for tree in trees:
        constants = everywhere | _constants([tree])
        makers = _makers(tree, constants)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = _name(call.func)
            if name in _FORMS:
                given = _given(call, _FORMS[name])
                for kind in _texts(given.get("type"), constants):
                    found[kind].update(_texts(given.get("reason"), constants))
            if name in makers:
                maker = makers[name]
                found[maker.kind].update(_texts(_given(call, maker.takes).get(maker.reason), constants))
    return {kind: reasons for kind, reasons in found.items() if reasons}


class _Maker(NamedTuple):
    """A function of a module that makes one type of condition, with a reason that it is given."""

    kind: str
    takes: Sequence[str]
    reason: str


def _makers(tree: ast.Module, constants: Mapping[str, str]) -> dict[str, _Maker]:
    found: dict[str, _Maker] = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        takes = [entry.arg for entry in function.args.args if entry.arg != "self"]
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            given = _given(call, _FORMS.get(_name(call.func), ()))
            reason = given.get("reason")
            if isinstance(reason, ast.Name) and reason.id in takes:
                for kind in _texts(given.get("type"), constants):
                    found[function.name] = _Maker(kind, takes, reason.id)
    return found


def _given(call: ast.Call, form: Sequence[str]) -> dict[str, ast.expr]:
    """What a call is given, by name."""
    by_name = {word.arg: word.value for word in call.keywords if word.arg}
    return {**dict(zip(form, call.args, strict=False)), **by_name}


def _constants(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Names that stand for one text wherever they are used."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for node in (node for tree in trees for node in tree.body if isinstance(node, ast.Assign)):
        for target in node.targets:
            for name, value in _pairs(target, node.value):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    seen[name].add(value.value)
    return {name: next(iter(texts)) for name, texts in seen.items() if len(texts) == 1}


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Names and what they are assigned: one, or several at once."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, given in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, given)


def _texts(value: ast.expr | None, constants: Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.Name | ast.Attribute) and _name(value) in constants:
        yield constants[_name(value)]
    elif isinstance(value, ast.List | ast.Tuple):
        for entry in value.elts:
            yield from _texts(entry, constants)
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body, constants)
        yield from _texts(value.orelse, constants)


def _name(value: ast.expr) -> str:
    if isinstance(value, ast.Attribute):
        return value.attr
    return value.id if isinstance(value, ast.Name) else ""
