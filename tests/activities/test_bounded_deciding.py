"""Specs, rules and statuses that are made to be slow: refused, cut, or worked on beside the event loop.

The watchdog of these tests fails them when the loop stands still meanwhile.
"""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.activities.deployment.reading import is_quick, parsed
from airunway.api.bounds import MAX_DEPTH, MAX_SPEC_DOCUMENTS, MAX_SPEC_ELEMENTS, MAX_SPEC_TEXT
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.status import MAX_UPSTREAM_MESSAGE, EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.provider.registry import installed_providers
from airunway.selection.cel import _program
from tests.activities.deployment_site import VALIDATE_IT, DeploymentSite, readiness_request, render_request
from tests.e2e.acme import SERVER
from tests.watchdog import Watchdog

SLOW_TO_COMPILE = "[" + ", ".join(["1"] * 3300) + "].size() == 1"
SLOW_TO_EVALUATE = "[1, 2, 3, 4, 5, 6, 7, 8].all(a, " * 6 + "true" + ")" * 6


def config(*rules: str) -> InferenceProviderConfig:
    spec = {"selectionRules": [{"condition": rule, "priority": 1} for rule in rules]}
    return InferenceProviderConfig.model_validate({"metadata": {"name": "x"}, "spec": spec})


@pytest.mark.parametrize("rule", [SLOW_TO_COMPILE, SLOW_TO_EVALUATE])
async def test_slow_rules_are_judged_beside_the_loop(
    place: DeploymentSite, rule: str, loop_watchdog: Watchdog
) -> None:
    _program.cache_clear()
    rules = [{"condition": f"{rule} && {number} > 0", "priority": 1} for number in range(1, 4)]
    await place.register(selectionRules=rules)
    await place.deploy(provider=None, engine=None)

    seen = await place.worker().core.validate(VALIDATE_IT)

    assert seen.found
    assert not loop_watchdog.found


def test_what_takes_a_moment_is_judged_at_once() -> None:
    shipped = [
        InferenceProviderConfig.model_validate(
            {"metadata": {"name": name}, "spec": provider.registration().spec}
        )
        for name, provider in installed_providers().items()
    ]

    assert is_quick({"spec": {"model": {"id": "a/b"}}}, shipped)
    assert not is_quick({"spec": {}}, [config(SLOW_TO_EVALUATE)])
    assert not is_quick({"spec": {}}, [config("x" * 3000)])
    assert not is_quick({"spec": {}}, [config(*[""] * 1000)])
    assert not is_quick({"spec": {"env": [{"name": str(n)} for n in range(2000)]}}, shipped)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"provider": {"overrides": nested(MAX_DEPTH + 1)}}, "deeper than"),
        ({"provider": {"overrides": nested(5_000)}}, "deeper than"),
        ({"env": [{"name": str(n), "value": "v"} for n in range(MAX_SPEC_ELEMENTS)]}, "more than"),
        ({"engine": {"args": {"hf-overrides": "x" * (MAX_SPEC_TEXT + 1)}}}, "characters"),
        ({"engine": {"args": {"hf-overrides": f"[{'[],' * MAX_SPEC_DOCUMENTS}[]]"}}}, "commas and brackets"),
        ({"engine": {"extraArgs": [f"--hf-overrides=[{'[],' * MAX_SPEC_DOCUMENTS}[]]"]}}, "commas"),
        ({"provider": {"overrides": {"x" * (MAX_SPEC_TEXT + 1): 1}}}, "characters"),
    ],
)
def test_a_spec_that_is_too_large_or_deep_is_final(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ApplicationError, match=words) as raised:
        parsed({"metadata": {"name": "a"}, "spec": spec})

    assert (raised.value.type, raised.value.non_retryable) == ("Malformed", True)


async def test_a_huge_status_of_an_upstream_object_is_read_beside_the_loop(
    place: DeploymentSite, loop_watchdog: Watchdog
) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))
    huge = {
        "ready": True,
        "observedGeneration": 1,
        "conditions": [{"type": f"T{n}", "status": "False", "message": "m" * 20} for n in range(9_000)],
    }
    await place.cluster.patch(SERVER, "chat", {"status": huge}, namespace="default", subresource="status")
    loop_watchdog.found.clear()  # the emulated API is in this process

    read = await worker.provider.read_readiness(readiness_request(made, done.objects))

    assert read.status is not None
    assert len(read.model_dump_json()) < 5_000
    assert not loop_watchdog.found


def test_what_an_upstream_object_says_fits_into_histories_and_statuses() -> None:
    status = UnifiedStatus(
        phase=Phase.RUNNING,
        message="m" * 1_000_000,
        replicas=ReplicaStatus(desired=10**30, ready=-(10**30)),
        endpoint=EndpointStatus(service="s" * 1_000_000, port=80),
    )

    assert len(status.message) == MAX_UPSTREAM_MESSAGE
    assert status.replicas == ReplicaStatus(desired=2**31 - 1, ready=0)
    assert status.endpoint is None
    assert (
        UnifiedStatus(phase=Phase.RUNNING, endpoint=EndpointStatus(service="s", port=10**9)).endpoint is None
    )


def test_ordinary_statuses_stay_as_they_are() -> None:
    given = {"phase": "Running", "message": "fine", "replicas": {"desired": 2, "ready": 0}}

    assert UnifiedStatus.model_validate(given).model_dump(exclude_unset=True, mode="json") == given
