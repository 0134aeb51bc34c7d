"""What people may ask of a deployment, whichever way it comes: update, signal or annotation.

One code path: a command is refused with a sentence, or done, recorded, and told as a Kubernetes Event with
the next status write. Nothing here awaits.
"""

from __future__ import annotations

from airunway.api.conditions import find_condition
from airunway.api.status import Phase
from airunway.messages.commands import CANCEL_BUILD, COMMANDS, PAUSE, RESUME, RETRY, Asked
from airunway.messages.decision import Observation
from airunway.messages.deployment import EventSpec
from airunway.messages.deployment_state import DeploymentState
from airunway.workflows.model_deployment.contention import end_contests
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.installation import DeploymentInstallation
from airunway.workflows.model_deployment.journal_entries import MAX_COMMANDS, JournalWriter
from airunway.workflows.model_deployment.model_image import DeploymentModelImage
from airunway.workflows.model_deployment.status_updates import STEP_FAILED, forget_failure
from airunway.workflows.model_deployment.status_writer import StatusWriter

ANNOTATION = "annotation"
SOMEBODY = "somebody"
_WORDS = {RETRY: "retry", CANCEL_BUILD: "cancellation of the build", PAUSE: "pause", RESUME: "resume"}
_KINDS = {RETRY: "Retry", CANCEL_BUILD: "CancelBuild", PAUSE: "Pause", RESUME: "Resume"}
"""Kind of the journal's entry, and reason of the Event."""


class Commands:
    """Refuses or does what is asked."""

    def __init__(
        self,
        state: DeploymentState,
        inbox: Inbox,
        *,
        images: DeploymentModelImage,
        installation: DeploymentInstallation,
        writer: StatusWriter,
        journal: JournalWriter,
    ) -> None:
        self._state, self._inbox = state, inbox
        self._images, self._installation = images, installation
        self._writer, self._journal = writer, journal
        self.annotated_pause = False
        """The annotation `reconcile-paused` holds the deployment."""

    # -- the one path ------------------------------------------------------------------------------------

    def refusal(self, command: str) -> str:
        """Why a command cannot be done now, as a sentence; empty when it can. Changes nothing."""
        checks = {
            RETRY: self._no_retry,
            CANCEL_BUILD: self._no_cancel,
            PAUSE: self._no_pause,
            RESUME: self._no_resume,
        }
        return checks[command]()

    def refusals(self) -> dict[str, str]:
        """Of all commands that cannot be done now."""
        return {command: words for command in COMMANDS if (words := self.refusal(command))}

    def carry_out(self, command: str, asked: Asked) -> str:
        """Do what is asked; answers what was done. Only after `refusal` had nothing against it."""
        deeds = {
            RETRY: self._retry,
            CANCEL_BUILD: self._cancel,
            PAUSE: lambda: self._pause(asked),
            RESUME: self._resume,
        }
        done = deeds[command]()
        by = asked.by or SOMEBODY
        self._journal.record(_KINDS[command], done, by=by, why=asked.reason, most=MAX_COMMANDS)
        words = f"{_WORDS[command]} asked for by {by}" + (f": {asked.reason}" if asked.reason else "")
        self._writer.add_events([EventSpec(reason=_KINDS[command], message=words)])
        self._inbox.ask()
        return done

    def take(self, command: str, asked: Asked) -> None:
        """The same for who gets no answer: a refusal is recorded."""
        refusal = self.refusal(command)
        if not refusal:
            self.carry_out(command, asked)
            return
        by = asked.by or SOMEBODY
        words = f"{_WORDS[command]}: {refusal}"
        self._journal.record("Refused", words, by=by, why=asked.reason, most=MAX_COMMANDS)

    def heed_annotations(self, seen: Observation, *, is_resumed: bool) -> None:
        """Each value of an annotation acts once.

        `is_resumed`: this is the first look at a deployment that has a status already. What its workflow knew
        went with it, so values that are there count as acted on; what failed is tried again in any case.
        """
        self.annotated_pause = seen.paused
        if is_resumed:
            found = {RETRY: seen.retry, CANCEL_BUILD: seen.cancel_build}
            self._state.annotations_done = {command: value for command, value in found.items() if value}
            return
        for command, value in ((RETRY, seen.retry), (CANCEL_BUILD, seen.cancel_build)):
            done = self._state.annotations_done
            if not value:
                done.pop(command, None)
            elif done.get(command) != value:
                done[command] = value
                self.take(command, Asked(by=ANNOTATION, reason=value))

    # -- what is in the way --------------------------------------------------------------------------------

    @property
    def _is_being_deleted(self) -> bool:
        return self._state.status.phase is Phase.TERMINATING

    def _no_retry(self) -> str:
        state = self._state
        if self._is_being_deleted:
            return "it is being deleted"
        if state.paused_by is not None or self.annotated_pause:
            return "it is paused, and goes on before anything is tried again"
        health = find_condition(state.conditions, "ProviderHealthy")
        step_failed = health is not None and health.reason == STEP_FAILED
        failed = state.failure or state.finding or state.failed_attempts or step_failed
        failed = failed or state.is_contested
        if not failed and not self._images.failed and not self._installation.failed:
            if state.externally_managed:
                return f"the controller of provider {state.provider} acts on it, and nothing here failed"
            return f"nothing failed; phase is {state.status.phase or Phase.PENDING}"
        return ""

    def _no_cancel(self) -> str:
        return "" if self._images.can_be_cancelled else "no image is being built"

    def _no_pause(self) -> str:
        if self._is_being_deleted:
            return "it is being deleted"
        asked = self._state.paused_by
        if asked is not None:
            return "it is paused already" + (f", by {asked.by}" if asked.by else "")
        return ""

    def _no_resume(self) -> str:
        if self._state.paused_by is not None or self._state.is_contested:
            return ""
        if self.annotated_pause:
            return "it is paused by the annotation airunway.ai/reconcile-paused: remove that"
        return "it is not paused"

    # -- deeds -----------------------------------------------------------------------------------------------

    def _retry(self) -> str:
        forget_failure(self._state)
        end_contests(self._state)
        self._images.retry()
        self._installation.retry()
        return f"trying generation {self._state.generation} again"

    def _cancel(self) -> str:
        self._images.cancel()
        return "not waiting for the image any more; its build ends unless others wait for it"

    def _pause(self, asked: Asked) -> str:
        self._state.paused_by = asked.model_copy(update={"by": asked.by or SOMEBODY})
        return "paused: what runs goes on running, and nothing is changed until `resume`"

    def _resume(self) -> str:
        self._state.paused_by = None
        end_contests(self._state)
        return f"going on with generation {self._state.generation}"
