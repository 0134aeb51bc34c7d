"""What may be sent to a provider's installation: requests, joins, commands of people.

Anybody may send a signal of any name with any payload: what is not understood is said in the installation's
lines, and changes nothing. No handler awaits.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from airunway.api.names import cluster_of
from airunway.messages.commands import SOMEBODY, Asked, CommandAnswer
from airunway.messages.installation import InstallationRequest, JoinRequest
from airunway.messages.installation_workflow import (
    CANCEL,
    JOIN_INSTALLATION_SIGNAL,
    MAX_WAITING,
    REQUEST_INSTALLATION,
    RETRY,
    InstallationStage,
)
from airunway.workflows.provider_installation.journal import InstallationJournal
from airunway.workflows.provider_installation.requests import RequestQueue
from airunway.workflows.raw_payloads import NOTHING, Shape, read_signal, takes_any_payload
from airunway.workflows.waiters import Waiters


class InstallationHandlers:
    """The handlers of ProviderInstallationWorkflow, which makes what they use."""

    _provider: str
    _requests: RequestQueue
    _waiters: Waiters[JoinRequest | None]
    _journal: InstallationJournal
    _retry: bool
    _cancel: bool

    # -- what is asked for --------------------------------------------------------------------------------

    @workflow.signal(
        name=REQUEST_INSTALLATION, description="One more operation (sent by `airunway providers`)."
    )
    @takes_any_payload
    def on_request(self, payload: RawValue = NOTHING) -> None:
        """Do something; after what is under way."""
        request = self._read(REQUEST_INSTALLATION, payload, InstallationRequest)
        if request is None or not self._is_ours(request.provider):
            return
        if not self._requests.add(request, can_share=self._stage is InstallationStage.RUNNING):
            self._journal.say(f"{request.operation.value} ignored: {MAX_WAITING} requests wait already")

    @workflow.signal(
        name=JOIN_INSTALLATION_SIGNAL, description="A deployment waits too (sent by its workflow)."
    )
    @takes_any_payload
    def on_join(self, payload: RawValue = NOTHING) -> None:
        """A deployment waits for the provider: install it, and report."""
        request = self._read(JOIN_INSTALLATION_SIGNAL, payload, JoinRequest)
        if request is None or not self._is_ours(request.provider):
            return
        if request.ref.cluster != cluster_of(workflow.info().workflow_id):
            self._journal.say(f"{request.ref} of another cluster does not wait here")
            return
        self._waiters.join(request.waiter, request)
        if not self._requests.installs:
            if not self._requests.will_install:
                # Nothing else than an installation, whatever a signal says.
                asked = InstallationRequest(provider=self._provider, requested_by=request.waiter)
                self._requests.waiting.append(asked)
        elif self._stage is InstallationStage.FAILED:
            if request.again:
                self._retry = True  # and is notified of what comes of it, not of the failure that it knows
            else:
                self._waiters.mark_pending(request.waiter)

    @workflow.signal(dynamic=True)
    def on_unknown(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Nobody here sends it."""
        self._journal.say(f"unknown signal {name[:100]!r} ignored")

    # -- commands of people: an update answers, a signal is for the form of Temporal's UI --------------------

    @workflow.update(name=RETRY, description="Begin the operation again: what is tried, or has failed.")
    def retry(self, asked: Asked = SOMEBODY) -> CommandAnswer:
        """Leave what is being tried or has failed, and begin the operation again."""
        return self._begin_again(asked)

    def _begin_again(self, asked: Asked) -> CommandAnswer:
        self._retry = True
        self._journal.say(f"retry asked for by {asked.words}")
        return CommandAnswer(message=f"beginning {self._what_is_done} again")

    @workflow.update(
        name=CANCEL, description="Stop what is being done; what Helm leaves half-way is repaired."
    )
    def cancel(self, asked: Asked = SOMEBODY) -> CommandAnswer:
        """Stop; what was done stays."""
        return self._stop_it(asked)

    def _stop_it(self, asked: Asked) -> CommandAnswer:
        self._cancel = True
        self._journal.say(f"cancelled by {asked.words}")
        return CommandAnswer(message=f"stopping {self._what_is_done}")

    @retry.validator
    def _may_be_retried(self, asked: Asked = SOMEBODY) -> None:
        self._refuse_if_idle()

    @cancel.validator
    def _may_be_cancelled(self, asked: Asked = SOMEBODY) -> None:
        self._refuse_if_idle()

    def _refuse_if_idle(self) -> None:
        if self._requests.current is None and not self._requests.waiting:
            raise ApplicationError(f"nothing is being done to provider {self._provider}", type="Refused")

    @workflow.signal(name=RETRY, description="Begin the operation again. Optional: {by, reason}.")
    @takes_any_payload
    def on_retry(self, payload: RawValue = NOTHING) -> None:
        """The same as the update, without an answer."""
        asked = self._read(RETRY, payload, Asked)
        if asked is not None:
            self._begin_again(asked)

    @workflow.signal(name=CANCEL, description="Stop what is being done. Optional: {by, reason}.")
    @takes_any_payload
    def on_cancel(self, payload: RawValue = NOTHING) -> None:
        """The same as the update, without an answer."""
        asked = self._read(CANCEL, payload, Asked)
        if asked is not None:
            self._stop_it(asked)

    def _read(self, signal: str, payload: RawValue, shape: type[Shape]) -> Shape | None:
        return read_signal(
            payload, shape, otherwise=lambda why: self._journal.say(f"signal {signal} ignored: {why}")
        )

    def _is_ours(self, provider: str) -> bool:
        if provider != self._provider:
            self._journal.say(f"a request for provider {provider[:100]} ignored: this is {self._provider}'s")
        return provider == self._provider

    @property
    def _what_is_done(self) -> str:
        current = self._requests.current
        return (
            f"{current.operation.value} of {self._provider}"
            if current
            else f"what waits for {self._provider}"
        )

    @property
    def _stage(self) -> InstallationStage:
        return self._journal.view.stage
