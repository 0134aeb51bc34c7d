"""A deployment's upstream objects, as its workflow has them applied and read: by its provider's steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow

from airunway.api.model_image import ModelImageRef
from airunway.api.names import provider_queue
from airunway.messages.deployment import (
    RECONCILE_UPSTREAM,
    RELEASE_UPSTREAM,
    Observation,
    ReleaseAnswer,
    ReleaseRequest,
    UpstreamAnswer,
    UpstreamRequest,
)
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.pacing import Pacing
from airunway.workflows.model_deployment.status_updates import adopt_reading, adopt_upstream
from airunway.workflows.steps import call


class Upstream:
    """The provider's steps for one deployment."""

    def __init__(self, ref: DeploymentRef, state: DeploymentState, inbox: Inbox, pacing: Pacing) -> None:
        self._ref, self._state, self._inbox, self._pacing = ref, state, inbox, pacing
        self.served_locally = False
        """This worker can do the provider's steps itself, inline."""

    async def reconcile(
        self,
        seen: Observation,
        *,
        apply: bool,
        only_upstream_changed: bool,
        diagnose: bool,
        built_model_image: ModelImageRef | None,
    ) -> UpstreamAnswer | None:
        """Apply the objects and read their state; None: the deployment changed meanwhile.

        Raises FailureError when that cannot be done now.
        """
        state = self._state
        doing = "applying on" if apply and not only_upstream_changed else "reading from"
        self._pacing.step = f"{doing} {state.provider}"
        request = UpstreamRequest(
            ref=self._ref,
            uid=seen.uid,
            generation=seen.generation,
            resource_version=seen.resource_version,
            provider=state.provider,
            engine=state.engine,
            apply=apply,
            only_upstream_changed=only_upstream_changed and not diagnose,
            diagnose=diagnose,
            applied=state.applied,
            image=state.status.image,
            built_model_image=built_model_image,
        )
        answer = await call(
            replace(
                RECONCILE_UPSTREAM,
                queue=provider_queue(request.provider),
                inline=self.served_locally,
                # A person must see when a provider's worker is away or an object is not let in.
                deadline=timedelta(seconds=self._pacing.limits.step_patience),
            ),
            request,
            summary=f"{self._pacing.step}, generation {request.generation}",
            leave_if=lambda: self._inbox.is_stale(seen),
        )
        return None if answer is None or answer.superseded or answer.gone else answer

    def adopt(self, answer: UpstreamAnswer, seen: Observation) -> None:
        """Take over what was done and read."""
        if not self._state.finding:
            self._state.failed_attempts = 0
        if self._state.is_step_failed and answer.failure is None:
            adopt_reading(self._state, answer)
            return
        adopt_upstream(
            self._state,
            answer,
            configs_digest=seen.configs_digest,
            deadline=self._pacing.limits.rollout_deadline,
            now=workflow.now(),
        )

    async def release(self, seen: Observation, provider: str, *, within: timedelta) -> ReleaseAnswer | None:
        """Delete the objects; None: not done in time, or the deployment changed meanwhile."""
        return await call(
            replace(
                RELEASE_UPSTREAM,
                queue=provider_queue(provider),
                inline=provider == self._state.provider and self.served_locally,
            ),
            ReleaseRequest(ref=self._ref, uid=seen.uid, provider=provider),
            summary="delete the upstream objects",
            leave_if=lambda: self._inbox.is_stale(seen),
            leave_after=within,
        )
