"""What was asked of a provider's installation, in order, and how each request ended. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from airunway.messages.installation import InstallationRequest, Operation
from airunway.messages.installation_workflow import MAX_OUTCOMES, MAX_WAITING, InstallationOutcome

INSTALLS = (Operation.INSTALL, Operation.UPGRADE)
"""What those who wait for the provider wait for."""


class RequestQueue:
    """The requests of one provider. Equal ones that come while one is done are answered together."""

    def __init__(
        self, queue: Iterable[InstallationRequest], outcomes: Mapping[str, InstallationOutcome]
    ) -> None:
        self.waiting = deque(queue)
        self.outcomes = dict(outcomes)
        """By request id; the newest are kept."""
        self.current: InstallationRequest | None = None
        self.last_install: InstallationOutcome | None = None
        """How the latest installation ended, or stands; None while one is done."""
        self._ids: list[str] = []
        """Of those who asked for the current one."""
        self.asked_again = False
        """Somebody asked for the current one since its preflight began."""

    @property
    def installs(self) -> bool:
        """Whether what is done now is what those who wait for the provider wait for."""
        return self.current is not None and self.current.operation in INSTALLS

    @property
    def will_install(self) -> bool:
        """The same of what is done later."""
        return any(entry.operation in INSTALLS for entry in self.waiting)

    def add(self, request: InstallationRequest, *, can_share: bool) -> bool:
        """Do it after what is under way, or with it: `can_share` if that still goes on.

        False: too many wait already.
        """
        known = {*self.outcomes, *self._ids, *(entry.id for entry in self.waiting)} - {""}
        if request.id in known:
            return True  # delivered twice
        if can_share and self.current is not None and _same(self.current, request):
            self._ids = [*self._ids, request.id][-MAX_OUTCOMES:]
            self.asked_again = True
        elif len(self.waiting) < MAX_WAITING:
            self.waiting.append(request)
        else:
            return False
        return True

    def begin_next(self) -> InstallationRequest:
        """The next one, which is the current one from now on."""
        self.current = self.waiting.popleft()
        self.last_install = None if self.installs else self.last_install
        self._ids = [self.current.id]
        return self.current

    def note(self, outcome: InstallationOutcome) -> None:
        """How the current one ended, or stands, for everybody who asked for it."""
        self.last_install = outcome if self.installs else self.last_install
        for identity in self._ids:
            self.outcomes.pop(identity, None)
            self.outcomes[identity] = outcome
        while len(self.outcomes) > MAX_OUTCOMES:
            self.outcomes.pop(next(iter(self.outcomes)))

    def end(self, outcome: InstallationOutcome) -> None:
        """The current one is over."""
        self.note(outcome)
        self.current = None


def _same(one: InstallationRequest, other: InstallationRequest) -> bool:
    """Whether two requests ask for the same, whoever asks."""
    ours = {"id": "", "requested_by": ""}
    return one.model_copy(update=ours) == other.model_copy(update=ours)
