"""A deployment whose provider lacks its operator: say so, or have it installed and wait.

The installation is a workflow of its own (`provider_installation`), which every deployment that needs it
joins; it reports by signal. Nothing here is done for a provider that is ready.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from airunway.api.conditions import find_condition
from airunway.api.core_types import ConditionStatus
from airunway.api.decision import InstallationNeed, InstallPolicy
from airunway.messages.deployment_state import DeploymentState, InstallationWait
from airunway.messages.failures import cause_with_kind
from airunway.messages.installation import (
    JOIN_INSTALLATION,
    InstallReport,
    JoinRequest,
)
from airunway.messages.installation_workflow import READ_INSTALLATION, ReadInstallationRequest
from airunway.messages.refs import DeploymentRef
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.status_updates import set_condition
from airunway.workflows.steps import call, fair_between

CONDITION = "ProviderInstalled"
REQUIRED, RUNNING, FAILED, DONE = "InstallationRequired", "Installing", "InstallationFailed", "Installed"

ASK_AGAIN = timedelta(minutes=10)
"""A report may be lost, and a failed installation may have been given up: then it is begun again, at the next
look of the watcher's audit."""


class DeploymentInstallation:
    """The installation side of one deployment's workflow."""

    def __init__(self, ref: DeploymentRef, state: DeploymentState, journal: JournalWriter) -> None:
        self._ref, self._state, self._journal = ref, state, journal

    async def ensure(self, need: InstallationNeed | None, *, ready: bool) -> str | None:
        """Act on what selection found to be missing; answers what is waited for, None when nothing is."""
        state = self._state
        if need is None or ready:
            self._note_installed(ready=ready)
            return None
        if need.policy is InstallPolicy.ASK:
            return self._wait(
                REQUIRED,
                f"the operator of provider {need.provider} is not installed; run: airunway providers install "
                f"{need.provider} (it goes on by itself then)",
            )
        wait = state.installation
        if wait is None or wait.provider != need.provider:
            wait = state.installation = InstallationWait(provider=need.provider)
        if _is_due(wait, workflow.now()):
            await self._request(wait)
        if wait.report_due:
            await self._read(wait)
        return self._wait(wait.reason, wait.words)

    def on_report(self, report: InstallReport) -> None:
        """An installation is said to have ended: the next reconcile reads how."""
        wait = self._state.installation
        if wait is not None and wait.provider == report.provider:
            wait.report_due = True

    async def _read(self, wait: InstallationWait) -> None:
        """How it ended, as its own workflow says; whoever sends a report may say anything."""
        wait.report_due = False
        try:
            answer = await call(
                READ_INSTALLATION,
                ReadInstallationRequest(ref=self._ref, provider=wait.provider),
                summary=f"how did the installation of provider {wait.provider} end",
            )
        except FailureError as err:
            # It is asked for again in a while, and joining what has ended begins it again.
            words = f"how the installation of {wait.provider} ended is not known: {cause_with_kind(err)}"
            self._journal.record("StepFailed", words)
            return
        of, ended = f"the operator of provider {wait.provider}", answer.outcome
        if ended is None:
            words = f"a report said that the installation of {wait.provider} is over; it is not"
            self._journal.record("NotBorneOut", words)
            return
        if ended.succeeded:
            wait.reason, wait.words = RUNNING, f"{of} is installed; waiting for the provider to see it"
            self._journal.record("ProviderInstalled", f"{of} is installed", why=ended.message)
        else:
            wait.reason, wait.words = FAILED, f"{of} was not installed: {ended.message}"
            self._journal.record("InstallationFailed", wait.words)

    @property
    def failed(self) -> bool:
        """Whether there is an installation to try again."""
        return self._state.installation is not None and self._state.installation.reason == FAILED

    def retry(self) -> None:
        """A person wants a failed installation to be tried again."""
        if self._state.installation is not None and self.failed:
            self._state.installation.asked_at, self._state.installation.again = None, True

    async def _request(self, wait: InstallationWait) -> None:
        provider = wait.provider
        request = JoinRequest(ref=self._ref, provider=provider, again=wait.again)
        try:
            answer = await call(
                JOIN_INSTALLATION,
                request,
                summary=f"install the operator of provider {provider}, or wait for it with others",
                priority=fair_between(self._ref.namespace),
            )
        except FailureError as err:
            wait.reason = FAILED
            wait.words = f"the installation of provider {provider} was not begun: {cause_with_kind(err)}"
            self._journal.record("InstallationFailed", wait.words)
            return
        finally:
            wait.asked_at, wait.again = workflow.now(), False
        self._journal.record("InstallationRequested", f"provider {provider}: {answer.workflow_id}")
        wait.reason = RUNNING
        wait.words = f"the operator of provider {provider} is being installed (workflow {answer.workflow_id})"
        if not answer.installer:
            wait.words += (
                "; no installer listens: run `airunway worker --installer`, or apply deploy/installer"
            )

    def _wait(self, reason: str, words: str) -> str:
        set_condition(self._state, CONDITION, "False", reason, words, now=workflow.now())
        self._state.status.message = words
        return words

    def _note_installed(self, *, ready: bool) -> None:
        if not ready:
            return
        condition = find_condition(self._state.conditions, CONDITION)
        if condition is not None and condition.status is not ConditionStatus.TRUE:
            set_condition(self._state, CONDITION, "True", DONE, now=workflow.now())
        self._state.installation = None


def _is_due(wait: InstallationWait, now: datetime) -> bool:
    return wait.asked_at is None or now - wait.asked_at >= ASK_AGAIN
