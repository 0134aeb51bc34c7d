"""How long the live plan of the pages takes at the server: what is typed to a piece of a page.

    python -m benchmarks.live_plan

Prints median, p95 and the CPU time of one, for a valid deployment, one that names its provider and a refused
one, as one person types and as ten do. Nothing is asserted: machines differ. The bar is a p95 of 50 ms.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import CONFIGS, Cluster
from airunway.provider.registry import installed_providers
from airunway.web.pages.deploy_form import body_of, example_body, text_of
from airunway.web.pages.live_plan import LivePlans
from airunway.web.pages.rendering import ENVIRONMENT
from airunway.web.state import WebState, no_temporal, web_state
from airunway.workers.settings import Settings
from kube_emulator import EmulatedCluster

ROUNDS = 100


def bodies() -> dict[str, dict[str, Any]]:
    """What is typed."""
    valid = example_body()
    chosen = {**valid, "spec": {**valid["spec"], "provider": {"name": "kuberay"}}}
    refused = {**valid, "spec": {"model": {}, "resources": {"gpu": {"count": -1}}}}
    return {"valid": valid, "a provider is named": chosen, "refused": refused}


async def register(cluster: Cluster) -> None:
    """The configs of the installed providers, ready."""
    for name, provider in installed_providers().items():
        said = provider.registration()
        body = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": name, "annotations": dict(said.annotations)},
            "spec": dict(said.spec),
        }
        await cluster.create(CONFIGS, body)
        await cluster.patch(CONFIGS, name, {"status": {"ready": True}}, subresource="status")


async def one(state: WebState, plans: LivePlans, text: str) -> float:
    """Milliseconds from the text to the piece of a page."""
    caller = await state.identities.of_request(None)  # type: ignore[arg-type]  # nobody signs in
    start = time.perf_counter()
    plan = await plans.of(await asyncio.to_thread(body_of, text), caller)
    typed = {"problem": "", "text": text}
    ENVIRONMENT.get_template("_plan.html").render(plan=plan, typed=typed)
    return (time.perf_counter() - start) * 1000


async def measure(state: WebState) -> None:
    plans = LivePlans(state.settings, state.cluster, state.fleet, state.providers)
    for what, body in bodies().items():
        text = text_of(body)
        await one(state, plans, text)
        for people in (1, 10):
            taken: list[float] = []
            used = time.process_time()
            for _ in range(ROUNDS // people):
                taken += await asyncio.gather(*(one(state, plans, text) for _ in range(people)))
            used = (time.process_time() - used) * 1000 / len(taken)
            middle, late = statistics.median(taken), statistics.quantiles(taken, n=20)[18]
            times = f"median {middle:>7.1f} ms   p95 {late:>7.1f} ms   CPU {used:>6.1f} ms"
            print(f"{what:<24} {people:>3} at once   {times}")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            EmulatedCluster() as emulated,
            await Cluster.connect(emulated.kubeconfig(Path(folder) / "kubeconfig")) as cluster,
        ):
            await apply_own_crds(cluster, field_manager="benchmark")
            await register(cluster)
            async with web_state(Settings(cluster="here"), cluster, find_temporal=no_temporal) as state:
                await state.fleet.synced()
                await measure(state)


if __name__ == "__main__":
    asyncio.run(main())
