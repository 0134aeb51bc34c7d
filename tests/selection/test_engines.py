from __future__ import annotations

import pytest

from airunway.selection.engines import choose_engine
from tests.selection.build import ALIVE_SINCE, config, deployment, offer, seconds_ago

BOTH = ("aggregated", "disaggregated")


def test_a_named_engine_is_taken_without_a_look_at_providers() -> None:
    choice = choose_engine(deployment(engine="trtllm"), [], alive_since=ALIVE_SINCE)

    assert choice.engine is not None
    assert (choice.engine.type, choice.engine.reason) == ("trtllm", "explicit engine selection")


def test_without_providers_there_is_no_engine() -> None:
    choice = choose_engine(deployment(gpus=1), [], alive_since=ALIVE_SINCE)

    assert choice.error == "no providers registered (InferenceProviderConfig resources not found)"


@pytest.mark.parametrize(
    ("offered", "want"),
    [
        (["llamacpp", "trtllm", "sglang", "vllm"], "vllm"),
        (["llamacpp", "trtllm", "sglang"], "sglang"),
        (["llamacpp", "trtllm"], "trtllm"),
        (["llamacpp"], "llamacpp"),
    ],
)
def test_engines_are_preferred_in_a_fixed_order(offered: list[str], want: str) -> None:
    configs = [config(f"p-{engine}", offer(engine)) for engine in offered]

    choice = choose_engine(deployment(gpus=1), configs, alive_since=ALIVE_SINCE)

    assert choice.engine is not None
    assert choice.engine.type == want


def test_the_reason_names_the_first_provider_by_name_whatever_the_order() -> None:
    configs = [config("b", offer("vllm")), config("a", offer("vllm")), config("A", offer("sglang"))]

    for order in (configs, configs[::-1]):
        choice = choose_engine(deployment(gpus=1), order, alive_since=ALIVE_SINCE)
        assert choice.engine is not None
        assert choice.engine.reason == "auto-selected from provider a capabilities"


def test_an_engine_needs_the_hardware_and_the_mode() -> None:
    configs = [
        config("a", offer("vllm"), offer("llamacpp", cpu=True)),
        config("b", offer("sglang", modes=BOTH)),
    ]

    on_cpu = choose_engine(deployment(), configs, alive_since=ALIVE_SINCE)
    split = choose_engine(deployment(mode="disaggregated"), configs, alive_since=ALIVE_SINCE)

    assert on_cpu.engine is not None and on_cpu.engine.type == "llamacpp"
    assert split.engine is not None and split.engine.type == "sglang"


def test_the_error_says_what_is_advertised() -> None:
    configs = [
        config("b", offer("vllm"), offer("sglang")),
        config("a"),
        config("off", offer("llamacpp", cpu=True), ready=False),
        config("hollow", capabilities=False),
    ]

    choice = choose_engine(deployment(), configs, alive_since=ALIVE_SINCE)

    assert choice.error == (
        "no engines available from registered providers "
        "(hasGPU=false, servingMode=aggregated, advertised=map[a:[] b:[vllm sglang]])"
    )


def test_a_provider_whose_heart_stopped_offers_nothing() -> None:
    stale = config("a", offer("vllm"), heartbeat=seconds_ago(181))
    alive = config("b", offer("sglang"), heartbeat=seconds_ago(179))

    choice = choose_engine(deployment(gpus=1), [stale, alive], alive_since=ALIVE_SINCE)

    assert choice.engine is not None and choice.engine.type == "sglang"


def test_a_pinned_provider_narrows_the_choice_to_its_engines() -> None:
    configs = [config("alpha", offer("vllm")), config("zeta", offer("llamacpp"))]

    choice = choose_engine(deployment(provider="zeta", gpus=1), configs, alive_since=ALIVE_SINCE)

    assert choice.engine is not None
    assert choice.engine.type == "llamacpp"
    assert choice.engine.reason == "auto-selected from provider zeta capabilities"


def test_a_pinned_provider_that_is_not_registered_narrows_nothing() -> None:
    choice = choose_engine(
        deployment(provider="ghost", gpus=1), [config("alpha", offer("vllm"))], alive_since=ALIVE_SINCE
    )

    assert choice.engine is not None and choice.engine.type == "vllm"


@pytest.mark.parametrize(
    ("pinned", "why"),
    [
        (config("zeta", offer("vllm"), ready=False), "which is: not ready"),
        (config("zeta", capabilities=False), "which is: declares no capabilities"),
        (config("zeta", offer("vllm")), "whose engines do not fit: engine vllm requires GPU"),
    ],
)
def test_the_error_says_why_the_pinned_provider_has_no_engine(pinned: object, why: str) -> None:
    configs = [config("alpha", offer("vllm", cpu=True)), pinned]

    choice = choose_engine(deployment(provider="zeta"), configs, alive_since=ALIVE_SINCE)  # type: ignore[arg-type]

    assert "spec.provider.name is zeta" in choice.error
    assert why in choice.error


def test_a_recorded_engine_is_chosen_again_until_the_hand_over() -> None:
    configs = [config("alpha", offer("vllm"))]
    before = {"engine": {"type": "sglang", "selectedReason": "earlier"}}
    after = {**before, "provider": {"name": "alpha"}}

    waiting = choose_engine(deployment(gpus=1, status=before), configs, alive_since=ALIVE_SINCE)
    handed_over = choose_engine(deployment(gpus=1, status=after), configs, alive_since=ALIVE_SINCE)

    assert waiting.engine is not None and waiting.engine.type == "vllm"
    assert handed_over.engine is not None
    assert (handed_over.engine.type, handed_over.engine.reason) == ("sglang", "earlier")
