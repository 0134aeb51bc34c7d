"""What a provider makes of an object that was refused: learned for a second try, waited for, or a failure."""

from __future__ import annotations

from airunway.activities.deployment.reading import parsed, with_status
from airunway.activities.upstream.failures import StepFailed, failed
from airunway.clients.kubernetes import Object
from airunway.messages.deployment import StepFailure
from airunway.messages.failure_endings import LOOKS_AGAIN
from airunway.messages.upstream import RenderRequest
from airunway.provider import Provider
from airunway.provider.lessons import learned_of, lesson

WAITING_FOR_CLUSTER = "WaitingForCluster"
LEARNED = "RefusalLearned"
RETRY_SECONDS = 30
"""No watch brings what is waited for."""


def judged(stop: StepFailed, provider: Provider, owner: Object, request: RenderRequest) -> StepFailure:
    """The failure as the provider sees it. From a refusal is learned once for what it is about."""
    if not stop.refusal:
        return stop.failure
    engine = {**((owner.get("status") or {}).get("engine") or {}), "type": request.engine}
    deployment = parsed(with_status(owner, engine=engine) if request.engine else owner)
    verdict = provider.judge_refusal(deployment, stop.refusal)
    if verdict.waiting:
        words = f"waiting for {verdict.waiting}, then it goes on by itself ({stop.refusal})"
        waits = failed(
            WAITING_FOR_CLUSTER, words, ["ResourceCreated"], final=False, retry_seconds=RETRY_SECONDS
        )
        return waits.failure
    advice = f"; {verdict.advice}" if verdict.advice else ""
    if verdict.learned and not learned_of(provider, deployment, request.cluster_features or ()):
        words = f"{stop.refusal}{advice}"
        learned = failed(LEARNED, words, ["ResourceCreated"], final=False).failure
        return learned.model_copy(update={"learned": lesson(provider, deployment, verdict.learned)})
    if verdict.learned:
        advice = f"; the other way was refused before{advice}"
    if not advice:
        return stop.failure
    words = f"{stop.refusal}{advice}; {LOOKS_AGAIN}"
    return failed(stop.failure.reason, words, ["ResourceCreated"], elsewhere=True).failure
