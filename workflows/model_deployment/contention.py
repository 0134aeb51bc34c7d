"""A field that somebody keeps changing: repaired at once a few times, then ever more rarely. Pure.

Two controllers that each insist on one field would write for ever, and the model's pods would come and go. So
it is said which field, and who, by the API server's own record of field managers (condition FieldsContested).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from airunway.api.conditions import remove_condition
from airunway.messages.deployment import AppliedObject, EventSpec
from airunway.messages.deployment_state import FIELDS_CONTESTED, Contention, DeploymentState
from airunway.workflows.model_deployment.pacing import Pacing, doubled
from airunway.workflows.model_deployment.status_updates import set_condition
from airunway.workflows.model_image.details import duration_words

REASON = "ChangedByAnotherManager"
REPAIRS_AT_ONCE = 3
"""A person who tries things out is answered at once; what comes a fourth time is no person."""
QUIET = timedelta(minutes=10)
"""After which a change is one of its own again."""
FIRST_DELAY, MAX_DELAY = timedelta(minutes=5), timedelta(hours=1)
_MAX_PATHS = 5


def note_repairs(
    state: DeploymentState, objects: Iterable[AppliedObject], *, now: datetime
) -> list[EventSpec]:
    """Count what was repaired; the Event when it becomes a contest."""
    repaired = [entry for entry in objects if entry.action == "repaired"]
    if not repaired:
        return []
    known = state.contention
    if known is None or (known.repairs < REPAIRS_AT_ONCE and now - known.last > QUIET):
        known = Contention(last=now)
    fields = "; ".join(_in_words(entry) for entry in repaired)
    state.contention = known = Contention(repairs=known.repairs + 1, last=now, fields=fields)
    if known.repairs < REPAIRS_AT_ONCE:
        return []
    pause = duration_words(_delay(known).total_seconds())
    message = (
        f"{fields}: changed again and again, and repaired {known.repairs} times; repaired again in {pause} at"
        " the earliest. Change the ModelDeployment instead, or set its annotation"
        " airunway.ai/external-replicas to true if somebody else is to set the replicas"
    )
    set_condition(state, FIELDS_CONTESTED, "True", REASON, message, now=now)
    if known.repairs > REPAIRS_AT_ONCE:
        return []
    return [EventSpec(reason=FIELDS_CONTESTED, message=message, warning=True)]


def repair_is_due(state: DeploymentState, pacing: Pacing, drifted: list[str], *, now: datetime) -> bool:
    """Whether what was changed is to be repaired now; one that has to wait is waited for.

    Nothing changed any more: the contest is over, if that was so for as long as a repair would have waited.
    """
    known = state.contention
    if known is None or known.repairs < REPAIRS_AT_ONCE:
        return bool(drifted)
    left = known.last + _delay(known) - now
    if left > timedelta(0):
        pacing.wait_at_most(math.ceil(left.total_seconds()))
        return False
    if not drifted:
        state.contention = None
        remove_condition(state.conditions, FIELDS_CONTESTED)
    return bool(drifted)


def _delay(known: Contention) -> timedelta:
    return doubled(FIRST_DELAY, known.repairs - REPAIRS_AT_ONCE + 1, MAX_DELAY)


def _in_words(entry: AppliedObject) -> str:
    paths = ", ".join(entry.changed[:_MAX_PATHS]) + (" and more" if len(entry.changed) > _MAX_PATHS else "")
    who = f" by {', '.join(entry.changed_by)}" if entry.changed_by else ""
    return f"{entry.kind} {entry.name}: {paths or 'a field'}{who}"
