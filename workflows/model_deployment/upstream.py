"""A deployment's upstream objects, as its workflow has them rendered, applied, read and released.

The provider's steps. They are done on the workflow's own queue where its worker serves the provider, else on the
provider's. What was answered is taken over here; how long to wait then is for the workflow to say.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from airunway.api.model_image import ModelImageRef
from airunway.api.names import provider_queue
from airunway.messages.decision import Observation
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.messages.step import Answer, Request, Step
from airunway.messages.upstream import (
    APPLY_UPSTREAM,
    READ_READINESS,
    RELEASE_UPSTREAM,
    RENDER,
    ApplyAnswer,
    ApplyRequest,
    Readiness,
    ReadinessRequest,
    ReleaseAnswer,
    ReleaseRequest,
    RenderAnswer,
    RenderRequest,
)
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.pacing import Pacing
from airunway.workflows.model_deployment.selection import Decided
from airunway.workflows.steps import call

MAX_NAMED_WRITES = 4


class Upstream:
    """The provider's steps for one deployment. Each answers None when the deployment changed meanwhile."""

    def __init__(self, ref: DeploymentRef, state: DeploymentState, inbox: Inbox, pacing: Pacing) -> None:
        self._ref, self._state, self._inbox, self._pacing = ref, state, inbox, pacing
        self.served_locally = False
        """A worker on the workflow's own queue does the provider's steps."""

    async def render(
        self, decided: Decided, built: ModelImageRef | None
    ) -> tuple[RenderRequest, RenderAnswer] | None:
        """What the generation takes, and what of it has to be written."""
        state, seen = self._state, decided.seen
        self._pacing.step = f"rendering for {state.provider}"
        request = RenderRequest(
            ref=self._ref,
            uid=seen.uid,
            generation=seen.generation,
            resource_version=seen.resource_version,
            provider=state.provider,
            engine=state.engine,
            applied=state.applied,
            image=state.status.image,
            built_model_image=built,
        )
        summary = f"objects of generation {seen.generation} on {state.provider}"
        answer = await self._call(replace(RENDER, inline=True), request, summary, decided)
        return None if answer is None or answer.superseded or answer.gone else (request, answer)

    async def apply(
        self, decided: Decided, rendered: tuple[RenderRequest, RenderAnswer]
    ) -> ApplyAnswer | None:
        """Do what was planned. It is in the history before anything happens."""
        request, plan = rendered
        self._pacing.step = f"applying on {self._state.provider}"
        writes = [str(entry) for entry in plan.planned[:MAX_NAMED_WRITES]]
        if len(plan.planned) > MAX_NAMED_WRITES:
            writes.append(f"{len(plan.planned) - MAX_NAMED_WRITES} more")
        if plan.finalizer:
            writes.append("hold the deployment by a finalizer")
        answer = await self._call(
            APPLY_UPSTREAM,
            ApplyRequest(rendered_from=request, finalizer=plan.finalizer, planned=plan.planned),
            ", ".join(writes),
            decided,
        )
        return None if answer is None or answer.superseded or answer.gone else answer

    async def read(self, decided: Decided, *, diagnose: bool = False) -> Readiness | None:
        """The state of what was applied; with `diagnose` also the causes that pods and events show."""
        state = self._state
        self._pacing.step = f"reading from {state.provider}"
        request = ReadinessRequest(
            ref=self._ref,
            uid=decided.seen.uid,
            generation=decided.seen.generation,
            provider=state.provider,
            applied=state.applied,
            diagnose=diagnose,
        )
        summary = f"is {_main_object(state)} ready" + (", and why not" if diagnose else "")
        return await self._call(replace(READ_READINESS, inline=True), request, summary, decided)

    async def release(self, seen: Observation, provider: str, *, within: timedelta) -> ReleaseAnswer | None:
        """Delete the objects; None: not done in time, or the deployment changed meanwhile."""
        here = seen.holder is not None and seen.holder.name == provider and seen.holder.served_locally
        return await call(
            replace(RELEASE_UPSTREAM, queue=provider_queue(provider)),
            ReleaseRequest(ref=self._ref, uid=seen.uid, provider=provider),
            summary=f"delete the upstream objects on {provider}",
            served_here=here,
            leave_if=lambda: self._inbox.is_stale(seen),
            leave_after=within,
        )

    async def _call(
        self, step: Step[Request, Answer], request: Request, summary: str, decided: Decided
    ) -> Answer | None:
        return await call(
            replace(
                step,
                queue=provider_queue(self._state.provider),
                # A person must see when a provider's worker is away or an object is not let in.
                deadline=timedelta(seconds=self._pacing.limits.step_patience),
            ),
            request,
            summary=summary,
            served_here=self.served_locally,
            leave_if=lambda: self._inbox.is_stale(decided.seen),
        )


def _main_object(state: DeploymentState) -> str:
    return f"{state.applied[0].kind} {state.applied[0].name}" if state.applied else "anything"
