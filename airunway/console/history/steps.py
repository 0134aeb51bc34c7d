"""What a step's request and answer say, in words. Pure.

Both are read leniently, as JSON: histories outlive the build that wrote them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

MAX_PATHS = 8
MAX_LISTED = 20


@dataclass(frozen=True)
class Said:
    """Of one step that was done."""

    message: str
    why: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    is_change: bool = False
    """It changed the cluster, or was tried to. What is no change is not told again when it says the same."""


Answer = dict[str, Any]


def said_by(step: str, request: Answer, answer: Answer, *, summary: str = "") -> Said:
    """What it came to. `summary`: what the workflow called it; for steps that are not known here."""
    teller = _TELLERS.get(step)
    if teller is not None:
        return teller(request, answer)
    message = _text(answer, "message") or _text(answer, "detail") or summary or "done"
    return Said(message, details={"answer": answer} if answer else {}, is_change=True)


def generation_of(request: Answer, answer: Answer) -> int:
    """The generation that a step was for; 0: it does not say."""
    status = _dict(request, "status")
    for value in (
        answer.get("generation"),
        request.get("generation"),
        _dict(request, "rendered_from").get("generation"),
        status.get("observedGeneration"),
    ):
        if isinstance(value, int) and value:
            return value
    return 0


# -- deciding -----------------------------------------------------------------------------------------


def _validate(request: Answer, answer: Answer) -> Said:
    if not answer.get("found", True):
        return Said("the deployment is not there any more")
    refused = _dict(answer, "refused")
    warnings = _strings(answer, "warnings")
    details = {"warnings": warnings} if warnings else {}
    if refused:
        return _refused(refused, details)
    if answer.get("deleted_at"):
        held = ", ".join(_strings(answer, "finalizers"))
        return Said(
            f"it is being deleted; held by {held}" if held else "it is being deleted", details=details
        )
    if answer.get("paused"):
        return Said("it is paused by its annotation", details=details)
    model = _text(answer, "model")
    words = f"generation {answer.get('generation', 0)} is valid" + (f": {model}" if model else "")
    return Said(words, details=details)


def _select_engine(request: Answer, answer: Answer) -> Said:
    if answer.get("superseded"):
        return Said(_SUPERSEDED)
    details = {"candidates": answer.get("candidates") or []}
    refused = _dict(answer, "refused")
    if refused:
        return _refused(refused, details)
    return Said(f"engine {_text(answer, 'engine')}", why=_text(answer, "reason"), details=details)


def _evaluate_provider_rules(request: Answer, answer: Answer) -> Said:
    decision = _dict(answer, "decision")
    if answer.get("superseded") or not decision:
        return Said(_SUPERSEDED)
    provider, rule = _dict(decision, "provider"), _text(answer, "rule")
    details = {"candidates": decision.get("candidates") or [], "rule": rule}
    if decision.get("outcome") not in (None, "ok") or not provider:
        return _refused(decision, details)
    why = "; ".join(filter(None, (_text(provider, "reason"), f"rule {rule}" if rule else "")))
    return Said(f"provider {_text(provider, 'name')}", why=why, details=details)


def _refused(decision: Answer, details: dict[str, Any]) -> Said:
    failed = [entry for entry in _dicts(decision, "conditions") if entry.get("status") == "False"]
    words = _text(decision, "message") or (_text(failed[-1], "message") if failed else "")
    outcome = _text(decision, "outcome")
    return Said(f"refused: {words or outcome}", why=outcome, details=details)


# -- upstream -----------------------------------------------------------------------------------------


def _render(request: Answer, answer: Answer) -> Said:
    planned = _dicts(answer, "planned")
    if answer.get("gone") or answer.get("superseded"):
        return Said(_GONE if answer.get("gone") else _SUPERSEDED)
    failure = _dict(answer, "failure")
    if failure:
        return _failed(failure)
    if answer.get("wanted_model_image"):
        return Said("it needs an image of its model first")
    if _text(answer, "waiting"):
        return Said(f"waiting for {_text(answer, 'waiting')}")
    if not planned:
        return Said("nothing has to be written")
    words = _listed(f"{entry.get('action')} {_name(entry)}{_paths(entry)}" for entry in planned)
    why = _listed(dict.fromkeys(filter(None, (_text(entry, "why") for entry in planned))))
    return Said(f"to do: {words}", why=why or _text(answer, "replacing"), details={"planned": planned})


def _apply_upstream(request: Answer, answer: Answer) -> Said:
    if answer.get("gone") or answer.get("superseded"):
        return Said(_GONE if answer.get("gone") else _SUPERSEDED)
    failure = _dict(answer, "failure")
    if failure:
        return _failed(failure)
    objects = [entry for entry in _dicts(answer, "objects") if entry.get("action") not in ("", "unchanged")]
    done = [f"{entry.get('action')} {_name(entry)}{_paths(entry)}" for entry in objects]
    done += [f"deleted {name}" for name in _strings(answer, "deleted")]
    if answer.get("finalizer_added"):
        done.append("put its finalizer on")
    whys = dict.fromkeys(filter(None, (_text(entry, "why") for entry in _dicts(request, "planned"))))
    details = {"objects": _dicts(answer, "objects"), "deleted": _strings(answer, "deleted")}
    return Said(_listed(done) or "nothing was changed", why=_listed(whys), details=details, is_change=True)


def _read_readiness(request: Answer, answer: Answer) -> Said:
    drifted = _strings(answer, "drifted")
    if drifted:
        return Said(f"not as it was left: {_listed(drifted)}", details={"drifted": drifted}, is_change=True)
    status, findings = _dict(answer, "status"), _dicts(answer, "findings")
    if not status:
        return Said("the main object is not there")
    words = _phase_words(status)
    return Said(words, why=_listed(_text(entry, "message") for entry in findings))


def _release_upstream(request: Answer, answer: Answer) -> Said:
    deleted, remaining = _strings(answer, "deleted"), _strings(answer, "remaining")
    parts = [f"deleting {_listed(deleted)}"] if deleted else []
    parts += [f"still there: {_listed(remaining)}"] if remaining else []
    details = {"deleted": deleted, "remaining": remaining}
    return Said("; ".join(parts) or "nothing is left", details=details, is_change=bool(deleted))


# -- writing, and joining others ----------------------------------------------------------------------


def _write_status(request: Answer, answer: Answer) -> Said:
    status, events = _dict(request, "status"), _dicts(request, "events")
    details: dict[str, Any] = {"status": status, "events": events} if request else {}
    if answer.get("gone"):
        return Said("there is nothing to write to any more", details=details)
    words = _phase_words(status) if status else _listed(_text(entry, "message") for entry in events)
    return Said(words or "written", details=details, is_change=True)


def _remove_finalizers(request: Answer, answer: Answer) -> Said:
    removed = _strings(answer, "removed")
    words = f"removed {_listed(removed)}" if removed else "there was none of ours"
    return Said(words, details={"removed": removed}, is_change=True)


def _install_provider(request: Answer, answer: Answer) -> Said:
    provider = _text(_dict(request, "request"), "provider")
    if answer.get("installer") is False:
        return Said(f"nobody installs providers in this cluster: {provider}", is_change=True)
    workflow_id = _text(answer, "workflow_id")
    return Said(
        f"waits for the installation of {provider or 'its provider'}",
        details={"workflow_id": workflow_id},
        is_change=True,
    )


def _build_image(request: Answer, answer: Answer) -> Said:
    workflow_id = _text(answer, "workflow_id")
    return Said("waits for the image of its model", details={"workflow_id": workflow_id}, is_change=True)


def _find_model_image(request: Answer, answer: Answer) -> Said:
    found = _text(_dict(answer, "image"), "reference")
    words = f"it is there: {found}" if found else "it is not there yet"
    if answer.get("unanswered"):
        words = "the registry did not answer"
    return Said(words, details={"answer": answer}, is_change=True)


def _read_build(request: Answer, answer: Answer) -> Said:
    end = _text(answer, "end")
    words = _text(answer, "message") or _text(_dict(answer, "image"), "reference")
    return Said(f"the build is {end}" + (f": {words}" if words else ""), details={"answer": answer})


def _build_model_image(request: Answer, answer: Answer) -> Said:
    words = f"built and pushed {_text(answer, 'digest')}".rstrip()
    return Said(words, details={"answer": answer}, is_change=True)


_SUPERSEDED = "the deployment has changed meanwhile: decided again"
_GONE = "the deployment is gone, or another one of the same name"

_TELLERS: dict[str, Callable[[Answer, Answer], Said]] = {
    "validate": _validate,
    "select_engine": _select_engine,
    "evaluate_provider_rules": _evaluate_provider_rules,
    "render": _render,
    "apply_upstream": _apply_upstream,
    "read_readiness": _read_readiness,
    "write_status": _write_status,
    "install_provider": _install_provider,
    "build_image": _build_image,
    "find_model_image": _find_model_image,
    "read_build": _read_build,
    "build_model_image": _build_model_image,
    "release_upstream": _release_upstream,
    "remove_finalizers": _remove_finalizers,
}


# -- reading JSON that may have any shape -------------------------------------------------------------


def _failed(failure: Answer) -> Said:
    return Said(_text(failure, "message"), why=_text(failure, "reason"), details=failure, is_change=True)


def _phase_words(status: Answer) -> str:
    replicas = _dict(status, "replicas")
    counted = f", {replicas.get('ready') or 0}/{replicas.get('desired')}" if replicas.get("desired") else ""
    message = _text(status, "message")
    return f"{_text(status, 'phase')}{counted}" + (f": {message}" if message else "")


def _name(entry: Answer) -> str:
    return f"{_text(entry, 'kind')} {_text(entry, 'name')}"


def _paths(entry: Answer) -> str:
    changed = _strings(entry, "changed")
    more = f" and {len(changed) - MAX_PATHS} more" if len(changed) > MAX_PATHS else ""
    return f" ({', '.join(changed[:MAX_PATHS])}{more})" if changed else ""


def _listed(texts: Iterable[str]) -> str:
    there = [text for text in texts if text]
    more = f"; and {len(there) - MAX_LISTED} more" if len(there) > MAX_LISTED else ""
    return "; ".join(there[:MAX_LISTED]) + more


def _text(value: Answer, key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _dict(value: Answer, key: str) -> Answer:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _dicts(value: Answer, key: str) -> list[Answer]:
    found = value.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _strings(value: Answer, key: str) -> list[str]:
    found = value.get(key)
    return [entry for entry in found if isinstance(entry, str)] if isinstance(found, list) else []
