"""A provider whose worker is silent keeps what it has and gets nothing new; the caller says how long."""

from __future__ import annotations

from airunway.api.decision import Outcome
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection.decide import decide
from tests.selection.build import ALIVE_SINCE, config, deployment, offer, seconds_ago

ALPHA = config("alpha", offer("vllm"), rules={"true": 10})


def test_a_stale_provider_keeps_what_it_has_and_gets_nothing_new() -> None:
    stale = InferenceProviderConfig.model_validate(
        {**ALPHA.dump(), "status": {"ready": True, "lastHeartbeat": "2026-01-05T08:56:59Z"}}
    )

    served = deployment(gpus=1, status={"provider": {"name": "alpha"}, "engine": {"type": "vllm"}})

    kept = decide(served, [stale], alive_since=ALIVE_SINCE)
    new = decide(deployment(engine="vllm", gpus=1), [stale], alive_since=ALIVE_SINCE)

    assert kept.outcome is Outcome.OK
    assert new.outcome is Outcome.PROVIDER_FAILED
    assert "alpha: not ready: last heartbeat 2026-01-05T08:56:59Z" in new.finding


def test_how_long_a_provider_may_be_silent_is_the_callers() -> None:
    silent = config("alpha", offer("vllm"), rules={"true": 1}, heartbeat=seconds_ago(20 * 60))

    patient = decide(deployment(gpus=1), [silent], alive_since=seconds_ago(30 * 60))
    strict = decide(deployment(gpus=1), [silent], alive_since=seconds_ago(10 * 60))

    assert patient.provider is not None and patient.provider.name == "alpha"
    assert strict.outcome is Outcome.ENGINE_FAILED
