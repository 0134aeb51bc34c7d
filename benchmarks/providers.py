"""How long a provider takes to render one deployment and to read its state: `python -m benchmarks.providers`.

The deployments are the recorded vectors that render without an error; the figure is the median per
provider, over every vector and several rounds, in microseconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Provider, RenderContext, RenderError
from airunway.provider.registry import installed_providers
from tests.conformance.loader import load

ROUNDS = 20


def renderable(provider: Provider) -> list[tuple[ModelDeployment, RenderContext]]:
    """The vectors' deployments that the provider takes."""
    found = []
    for vector in load("transform", provider.name):
        context = RenderContext(env=vector.input.get("process_env") or {})
        try:
            deployment = ModelDeployment.model_validate(vector.input["model_deployment"])
            provider.render(deployment, context)
        except (RenderError, ValueError):
            continue
        found.append((deployment, context))
    return found


def is_telling(upstream: Mapping[str, Any]) -> bool:
    """Whether an upstream object has a status with something to read in it."""
    status = upstream.get("status")
    if not isinstance(status, Mapping):
        return False
    conditions, services = status.get("conditions"), status.get("services")
    return isinstance(conditions, list) or (conditions is None and isinstance(services, Mapping))


def microseconds(provider: Provider) -> list[float]:
    """Time of one render and one status reading, per vector and round."""
    states = [vector.input["upstream"] for vector in load("provider_status", provider.name)]
    states = [state for state in states if is_telling(state)]
    deployments = renderable(provider)
    taken = []
    for _ in range(ROUNDS):
        for index, (deployment, context) in enumerate(deployments):
            state = states[index % len(states)]
            started = time.perf_counter()
            provider.render(deployment, context)
            provider.read_status(state)
            taken.append((time.perf_counter() - started) * 1e6)
    return taken


def main() -> None:
    """Print one line per provider."""
    for name, provider in sorted(installed_providers().items()):
        taken = microseconds(provider)
        if taken:
            print(f"{name:10} median {statistics.median(taken):7.1f} us   worst {max(taken):7.1f} us")


if __name__ == "__main__":
    main()
