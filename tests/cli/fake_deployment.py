"""A deployment's workflow as commands meet it: the names of the real one, and what a test wants it to say."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from airunway.api.names import DEPLOYMENT_WORKFLOW
    from airunway.messages.commands import CANCEL_BUILD, PAUSE, RETRY, Asked, CommandAnswer
    from airunway.messages.deployment_workflow import DeploymentInput, DeploymentView
    from airunway.messages.journal import Journal


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class FakeDeployment:
    """Runs until it is told to end."""

    @workflow.init
    def __init__(self, start: DeploymentInput) -> None:
        self.ref, self.journal = start.ref, Journal()
        self.step, self.ended, self.answers_never = "waiting", False, False
        self.asked: list[Asked] = []

    @workflow.run
    async def run(self, start: DeploymentInput) -> str:
        """Wait."""
        await workflow.wait_condition(lambda: self.ended)
        return "the deployment is gone"

    @workflow.signal
    def end(self) -> None:
        """It is gone."""
        self.ended = True

    @workflow.update(name=RETRY)
    def retry(self, asked: Asked) -> CommandAnswer:
        """Answer who asked, and why."""
        self.asked.append(asked)
        self.journal.record("Retry", "asked", at=workflow.now(), generation=4, by=asked.by, why=asked.reason)
        return CommandAnswer(message="trying generation 4 again")

    @workflow.update(name=PAUSE)
    async def pause(self, asked: Asked) -> CommandAnswer:
        """Be long about it."""
        await workflow.wait_condition(lambda: self.ended)
        return CommandAnswer(message="paused")

    @workflow.update(name=CANCEL_BUILD)
    def cancel_build(self, asked: Asked) -> CommandAnswer:
        """Never reached."""
        raise AssertionError("the validator refuses it")

    @cancel_build.validator
    def validate_cancel_build(self, asked: Asked) -> None:
        """Refuse."""
        raise ApplicationError("no image is being built; phase is Running")

    @workflow.query(name="state")
    def state(self) -> DeploymentView:
        """Where it stands."""
        from airunway.messages.deployment_state import DeploymentState

        return DeploymentView(ref=self.ref, step=self.step, state=DeploymentState(journal=self.journal))

    @workflow.query(name="journal")
    def told(self) -> Journal:
        """What happened."""
        return self.journal


@workflow.defn(name=DEPLOYMENT_WORKFLOW)
class BrokenDeployment:
    """Its tasks fail, as after an upgrade that does not fit."""

    @workflow.run
    async def run(self, start: DeploymentInput) -> str:
        """Fail the task, not the workflow."""
        raise ValueError("this build does not fit")
