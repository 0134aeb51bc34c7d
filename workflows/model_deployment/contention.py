"""What somebody keeps changing: put right a few times, then there is a standstill that names them. Pure.

Two controllers that each insist on one field would write for ever, and the model's pods would come and go. So
after three repairs nothing is repaired any more, and it is said what, and who, by the API server's own
record of field managers (condition FieldsContested). A controller of AI Runway's own kind that still runs is
waited for: it shows its life by its Lease and its heartbeat. With anybody else it is tried, ever more rarely,
whether they go on. The status is an object like the others, counted by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from airunway.api.conditions import remove_condition
from airunway.messages.deployment import AppliedObject, EventSpec
from airunway.messages.deployment_state import FIELDS_CONTESTED, MAX_REPAIRS, Contention, DeploymentState
from airunway.messages.upstream import PlannedWrite, Rival
from airunway.workflows.model_deployment.pacing import Pacing, doubled
from airunway.workflows.model_deployment.status_updates import set_condition
from airunway.workflows.model_image.details import duration_words

REASON = "ChangedByAnotherManager"
OBJECTS, STATUS = "objects", "status"
"""What a contest is about."""
QUIET = timedelta(minutes=10)
"""After which a change is one of its own again."""
FIRST_DELAY, MAX_DELAY = timedelta(minutes=5), timedelta(hours=1)
RIVAL_LOOK = timedelta(minutes=1)
"""How often it is seen whether a controller that fights still runs."""
_MAX_PATHS = 5
_ADVICE = {
    OBJECTS: "Change the ModelDeployment instead, or set its annotation airunway.ai/external-replicas to true"
    " if somebody else is to set the replicas",
    STATUS: "Nobody but this control plane is to write it",
}


# -- counting -------------------------------------------------------------------------------------------


def repairs_of(objects: Iterable[AppliedObject], planned: Iterable[PlannedWrite]) -> str:
    """What was put right, object by object; empty: nothing. What was gone and is made again is no repair."""
    repaired = [_in_words(entry) for entry in objects if entry.action == "repaired"]
    anew = [
        f"{entry.kind} {entry.name}: {entry.why}"
        for entry in planned
        if entry.is_repair and entry.action == "delete"
    ]
    return "; ".join([*repaired, *anew])


def note_repairs(
    state: DeploymentState, repaired: str, *, now: datetime, of: str = OBJECTS
) -> list[EventSpec]:
    """Count what was put right; the Event when it becomes a contest.

    `repaired`: what, and who had changed it; empty: nothing was.
    """
    if not repaired:
        return []
    known = state.contentions.get(of)
    if known is None or (known.repairs < MAX_REPAIRS and now - known.last > QUIET):
        known = Contention(last=now)
    changes = {"repairs": known.repairs + 1, "last": now, "fields": repaired, "is_pending": False}
    state.contentions[of] = known = known.model_copy(update=changes)
    if known.repairs < MAX_REPAIRS:
        return []
    message = _show(state, now=now)
    if known.repairs > MAX_REPAIRS:
        return []
    return [EventSpec(reason=FIELDS_CONTESTED, message=message, warning=True)]


# -- the standstill -------------------------------------------------------------------------------------


def stands_still(state: DeploymentState, *, now: datetime, of: str = OBJECTS) -> bool:
    """Whether nothing is put right for now."""
    known = state.contentions.get(of)
    if known is None or not known.is_contest:
        return False
    return bool(known.rival) or now < known.last + _delay(known)


def only_repairs(state: DeploymentState, planned: Sequence[PlannedWrite], *, now: datetime) -> bool:
    """Whether a plan does nothing but what is not to be done now. What is gone is made again in any case."""
    return bool(planned) and all(entry.is_repair for entry in planned) and stands_still(state, now=now)


def repair_is_due(state: DeploymentState, drifted: Sequence[str], *, now: datetime) -> bool:
    """Whether what was changed is to be repaired now.

    Nothing changed any more: the contest is over, if that was so for as long as a repair would have waited.
    """
    known = state.contentions.get(OBJECTS)
    if known is None or not known.is_contest:
        return bool(drifted)
    if stands_still(state, now=now):
        return False
    if not drifted:
        _end(state, OBJECTS, now=now)
    return bool(drifted)


def rewrite_is_due(state: DeploymentState, *, asked: bool, now: datetime) -> bool:
    """Whether the status, which is as it was written last, is to be written again.

    `asked`: somebody else wrote it since. During a standstill that is remembered; when nobody did until its
    end, the contest is over.
    """
    known = state.contentions.get(STATUS)
    if known is None or not known.is_contest:
        return asked or (known is not None and known.is_pending)
    if asked:
        state.contentions[STATUS] = known = known.model_copy(update={"is_pending": True})
    if stands_still(state, now=now, of=STATUS):
        return False
    if not known.is_pending:
        _end(state, STATUS, now=now)
    return known.is_pending


def adopt_rivals(state: DeploymentState, rivals: Sequence[Rival], *, now: datetime) -> list[EventSpec]:
    """Take over which controllers of AI Runway's kind still run; with the last one a contest ends."""
    alive = "; ".join(rival.words for rival in rivals if rival.alive_until > now)
    events = []
    for of, known in list(state.contentions.items()):
        if not known.is_contest:
            continue
        if alive and not known.rival:
            state.contentions[of] = known.model_copy(update={"rival": alive})
            events = [EventSpec(reason=FIELDS_CONTESTED, message=_show(state, now=now), warning=True)]
        elif known.rival and not alive:
            ended = known.model_copy(update={"rival": "", "repairs": 0, "last": now})
            state.contentions[of] = ended
            _show(state, now=now)
    return events


def next_look(
    state: DeploymentState, pacing: Pacing, *, is_followed: bool, now: datetime
) -> timedelta | None:
    """How long to wait: at most until a standstill ends, or it is seen whether who fights still runs.

    `is_followed`: its objects are; nothing is put right on one that is paused or goes.
    """
    for known in state.contentions.values() if is_followed else ():
        if known.is_contest:
            left = RIVAL_LOOK if known.rival else known.last + _delay(known) - now
            pacing.wait_at_most(max(math.ceil(left.total_seconds()), 1))
    return pacing.delay


def end_contests(state: DeploymentState) -> None:
    """A person, or another generation, says to go on."""
    state.contentions = {}
    remove_condition(state.conditions, FIELDS_CONTESTED)


def _end(state: DeploymentState, of: str, *, now: datetime) -> None:
    state.contentions.pop(of, None)
    _show(state, now=now)


def _delay(known: Contention) -> timedelta:
    return doubled(FIRST_DELAY, known.repairs - MAX_REPAIRS + 1, MAX_DELAY)


# -- in words -------------------------------------------------------------------------------------------


def _show(state: DeploymentState, *, now: datetime) -> str:
    """The condition, while there is a contest; answers its message."""
    found = {of: known for of, known in state.contentions.items() if known.is_contest}
    if not found:
        remove_condition(state.conditions, FIELDS_CONTESTED)
        return ""
    message = "; ".join(_contest(of, known) for of, known in found.items())
    set_condition(state, FIELDS_CONTESTED, "True", REASON, message, now=now)
    return message


def _contest(of: str, known: Contention) -> str:
    words = f"{known.fields}: changed again and again, and repaired {known.repairs} times"
    if known.rival:
        return f"{words}; {known.rival}. Nothing is repaired before that ends, or `airunway resume` is said"
    pause = duration_words(_delay(known).total_seconds())
    words += f"; repaired again in {pause} at the earliest, or when `airunway resume` is said"
    return f"{words}. {_ADVICE[of]}"


def _in_words(entry: AppliedObject) -> str:
    paths = ", ".join(entry.changed[:_MAX_PATHS]) + (" and more" if len(entry.changed) > _MAX_PATHS else "")
    who = f" by {', '.join(entry.changed_by)}" if entry.changed_by else ""
    return f"{entry.kind} {entry.name}: {paths or 'a field'}{who}"
