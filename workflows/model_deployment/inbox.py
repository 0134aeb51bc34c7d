"""What a deployment's workflow was notified of and has not yet acted on. Pure."""

from __future__ import annotations

from airunway.messages.decision import Observation
from airunway.messages.deployment_workflow import ChangeHint

MAX_WRITERS, MAX_NAME = 5, 80
"""Of who wrote the status: names, and characters of each."""


class Inbox:
    """Reasons to reconcile, folded: signals are hints, and what they say is read again from its owner."""

    def __init__(self, *, rewrite: bool) -> None:
        self.reconcile_due = True
        self.decision_due = True
        """Engine and provider are to be decided again, not only upstream objects followed."""
        self.rewrite_due = rewrite
        """Somebody else wrote the status: it is to be written again, also if it is the same."""
        self.gateway_due = False
        """Something of the gateway changed: what the cluster serves for it is asked anew."""
        self.cause, self.by = "start", ""
        """Of the reconcile that is under way, and who said so."""
        self._latest = ChangeHint(cause="start")
        self._being_deleted = False
        self.whose = ""
        """The field managers that wrote the status meanwhile; empty: nobody says."""

    def put(self, hint: ChangeHint) -> None:
        """Something changed in the cluster."""
        self.ask(decide=not hint.upstream_only)
        self._latest = self._latest.folded_with(hint)
        self.rewrite_due = self.rewrite_due or hint.status_changed
        self.gateway_due = self.gateway_due or hint.gateway
        if hint.status_writers:
            self.whose = ", ".join(name[:MAX_NAME] for name in hint.status_writers[:MAX_WRITERS])

    def ask(self, *, decide: bool = True) -> None:
        """Have the deployment reconciled. `decide`: from the decision on."""
        self.reconcile_due = True
        self.decision_due = self.decision_due or decide

    def take(self) -> None:
        """A reconcile begins: what comes from now on is a reason for the next one."""
        self.reconcile_due = False

    def take_upstream_change(self) -> bool:
        """Whether all that came meanwhile is a change of upstream objects; reading them now answers it."""
        if not self.reconcile_due or self.decision_due:
            return False
        self.take()
        return True

    def observing(self) -> None:
        """The deployment is read now: whatever came before is older than that."""
        self.decision_due = False
        self.cause, self.by = self._latest.cause, self._latest.by
        self._latest = ChangeHint(cause="another look")

    def observed(self, seen: Observation) -> None:
        """It was read."""
        self._being_deleted = seen.deleted_at is not None

    def is_stale(self, seen: Observation) -> bool:
        """Whether what came since makes an observation out of date, or one of another deployment."""
        latest = self._latest
        if seen.deleted_at is None and (latest.deleted or self._being_deleted):
            return True
        another = bool(latest.uid) and latest.uid != seen.uid
        return another or latest.gone or latest.generation > seen.generation
