"""What may be sent to a deployment's workflow and asked of it: signals, updates, queries.

Anybody may send a signal of any name with any payload: what is not understood is recorded, and never fails a
task. Only the update `cancel_build` awaits something, and a run ends after its answer. Internal signals are
told apart by their names' beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from airunway.messages.commands import CANCEL_BUILD, PAUSE, RESUME, RETRY, Asked, CommandAnswer
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.deployment_workflow import (
    IMAGE_REPORT,
    INSTALL_REPORT,
    JOURNAL_QUERY,
    OBJECT_CHANGED,
    STATE_QUERY,
    ChangeHint,
    DeploymentView,
)
from airunway.messages.installation import InstallReport
from airunway.messages.journal import Journal
from airunway.messages.model_image import ModelImageReport
from airunway.messages.payloads import WrongPayload, read_payload
from airunway.messages.refs import DeploymentRef
from airunway.workflows.model_deployment.commands import Commands
from airunway.workflows.model_deployment.image_others import what_becomes_of
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.installation import DeploymentInstallation
from airunway.workflows.model_deployment.journal_entries import MAX_MEANINGLESS, JournalWriter
from airunway.workflows.model_deployment.model_image import DeploymentModelImage
from airunway.workflows.model_deployment.pacing import Pacing
from airunway.workflows.raw_payloads import NOTHING, Shape, read_signal, takes_any_payload

MAX_NAME = 80
"""Characters of an unknown signal's name that are recorded."""
FORM = 'Optional input: {"by": "your name", "reason": "why"}.'


class DeploymentHandlers:
    """The handlers of ModelDeploymentWorkflow, which makes what they use."""

    ref: DeploymentRef
    state: DeploymentState
    inbox: Inbox
    pacing: Pacing
    journal: JournalWriter
    images: DeploymentModelImage
    installation: DeploymentInstallation
    commands: Commands
    waiting: bool

    # -- internal signals ----------------------------------------------------------------------------------

    @workflow.signal(
        name=OBJECT_CHANGED, description="Internal: the deployment, a config or an upstream object changed."
    )
    @takes_any_payload
    def on_object_changed(self, payload: RawValue = NOTHING) -> None:
        """A hint to look; one that cannot be read is a hint all the same."""
        hint = self._received(OBJECT_CHANGED, payload, ChangeHint)
        self.inbox.put(hint or ChangeHint(cause="a signal"))

    @workflow.signal(name=INSTALL_REPORT, description="Internal: how the provider's installation ended.")
    @takes_any_payload
    def on_install_report(self, payload: RawValue = NOTHING) -> None:
        """The installation that was asked for has ended."""
        report = self._received(INSTALL_REPORT, payload, InstallReport)
        if report is not None:
            self.installation.on_report(report)
        self.inbox.ask()

    @workflow.signal(name=IMAGE_REPORT, description="Internal: how far the model's image is.")
    @takes_any_payload
    def on_image_report(self, payload: RawValue = NOTHING) -> None:
        """The workflow of the image reports how far it is."""
        report = self._received(IMAGE_REPORT, payload, ModelImageReport)
        if report is not None:
            self.images.on_report(report)

    # -- people's commands: signals, for the form of Temporal's UI -------------------------------------------

    @workflow.signal(name=RETRY, description=f"Try what failed again, without a change of the spec. {FORM}")
    @takes_any_payload
    def retry_signal(self, payload: RawValue = NOTHING) -> None:
        """As the update, without an answer."""
        self._take_command(RETRY, payload)

    @workflow.signal(name=CANCEL_BUILD, description=f"Stop waiting for the model's image. {FORM}")
    @takes_any_payload
    def cancel_build_signal(self, payload: RawValue = NOTHING) -> None:
        """As the update, without an answer."""
        self._take_command(CANCEL_BUILD, payload)

    @workflow.signal(name=PAUSE, description=f"Change nothing until `resume`; what runs goes on. {FORM}")
    @takes_any_payload
    def pause_signal(self, payload: RawValue = NOTHING) -> None:
        """As the update, without an answer."""
        self._take_command(PAUSE, payload)

    @workflow.signal(name=RESUME, description=f"Go on after `pause`. {FORM}")
    @takes_any_payload
    def resume_signal(self, payload: RawValue = NOTHING) -> None:
        """As the update, without an answer."""
        self._take_command(RESUME, payload)

    @workflow.signal(dynamic=True, description="Anything else is recorded in the journal, and ignored.")
    def on_unknown(self, name: str, payloads: Sequence[RawValue]) -> None:
        """A signal that means nothing here."""
        words = f"signal {name[:MAX_NAME]!r} means nothing to a deployment"
        self.journal.record("UnknownSignal", words, most=MAX_MEANINGLESS)

    # -- people's commands: updates --------------------------------------------------------------------------

    @workflow.update(name=RETRY, description=f"Try what failed again. {FORM}")
    def retry(self, *payloads: Any) -> CommandAnswer:
        """Try what failed again, without a change of the spec."""
        return self._do_command(RETRY, payloads)

    @retry.validator
    def check_retry(self, *payloads: Any) -> None:
        """Refuses when nothing failed."""
        self._check_command(RETRY, payloads)

    @workflow.update(name=CANCEL_BUILD, description=f"Stop waiting for the model's image. {FORM}")
    async def cancel_build(self, *payloads: Any) -> CommandAnswer:
        """Stop waiting for the model's image; answers whether its build ends or goes on for others."""
        image = self.state.model_image
        answer = self._do_command(CANCEL_BUILD, payloads)
        # The reconcile lets go of the image meanwhile, and a retry may begin with another.
        return CommandAnswer(message=await what_becomes_of(image, self.ref) or answer.message)

    @cancel_build.validator
    def check_cancel_build(self, *payloads: Any) -> None:
        """Refuses when no image is being built."""
        self._check_command(CANCEL_BUILD, payloads)

    @workflow.update(name=PAUSE, description=f"Change nothing until `resume`. {FORM}")
    def pause(self, *payloads: Any) -> CommandAnswer:
        """Do nothing for this deployment until `resume`."""
        return self._do_command(PAUSE, payloads)

    @pause.validator
    def check_pause(self, *payloads: Any) -> None:
        """Refuses when it is paused already."""
        self._check_command(PAUSE, payloads)

    @workflow.update(name=RESUME, description=f"Go on after `pause`. {FORM}")
    def resume(self, *payloads: Any) -> CommandAnswer:
        """Go on."""
        return self._do_command(RESUME, payloads)

    @resume.validator
    def check_resume(self, *payloads: Any) -> None:
        """Refuses when it is not paused."""
        self._check_command(RESUME, payloads)

    # -- queries ---------------------------------------------------------------------------------------------

    @workflow.query(name=STATE_QUERY, description="Where the deployment stands, with its journal.")
    def view(self) -> DeploymentView:
        """Where the deployment stands."""
        return DeploymentView(
            ref=self.ref,
            step=self.pacing.step,
            waiting=self.waiting,
            next_reconcile_at=self.pacing.next_reconcile_at,
            state=self.state,
            refusals=self.commands.refusals(),
        )

    @workflow.query(name=JOURNAL_QUERY, description="The last decisions and changes, oldest first.")
    def journal_entries(self) -> Journal:
        """The last decisions and changes."""
        return self.state.journal

    # -- how they are read -----------------------------------------------------------------------------------

    def _received(self, name: str, payload: RawValue, shape: type[Shape]) -> Shape | None:
        def record(why: str) -> None:
            words = f"signal {name} with a payload of another shape: {why}"
            self.journal.record("WrongPayload", words, most=MAX_MEANINGLESS)

        return read_signal(payload, shape, otherwise=record)

    def _take_command(self, command: str, payload: RawValue) -> None:
        asked = self._received(command, payload, Asked)
        if asked is not None:
            self.commands.take(command, asked)

    def _check_command(self, command: str, payloads: Sequence[Any]) -> None:
        try:
            read_payload(payloads, Asked)
        except WrongPayload as err:
            raise ApplicationError(
                f"the input is not of the shape {FORM} ({err})", type="WrongPayload"
            ) from err
        refusal = self.commands.refusal(command)
        if refusal:
            raise ApplicationError(refusal, type="Refused")

    def _do_command(self, command: str, payloads: Sequence[Any]) -> CommandAnswer:
        return CommandAnswer(message=self.commands.carry_out(command, read_payload(payloads, Asked)))
