"""What an idle deployment costs the watcher in memory: marks of it and of its upstream object.

    python -m benchmarks.idle [--deployments 10000]

The worker keeps nothing of a deployment whose workflow is not in its cache.
"""

from __future__ import annotations

import argparse
import asyncio
import tracemalloc
import uuid
from typing import Any, cast

from airunway.clients.kubernetes import Cluster
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.provider.registry import installed_providers
from airunway.workers.signal_queue import SignalQueue
from airunway.workers.watcher import Watcher


class Silent(SignalQueue):
    """Takes hints and sends nothing."""

    def put(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        """Drop it."""


def objects(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A deployment and its Workspace, as a watch brings them."""
    uid, name = str(uuid.uuid4()), f"deployment-{number}"
    meta = {"name": name, "namespace": "team", "generation": 1, "resourceVersion": str(number)}
    owner = {"kind": "ModelDeployment", "name": name, "uid": uid, "controller": True}
    status = {"provider": {"name": "kaito"}, "phase": "Running"}
    labels = {"airunway.ai/deployment": name}
    return (
        {"metadata": {**meta, "uid": uid}, "spec": {"model": {"id": "o/m"}}, "status": status},
        {
            "apiVersion": "kaito.sh/v1beta1",
            "kind": "Workspace",
            "metadata": {**meta, "uid": str(uuid.uuid4()), "labels": labels, "ownerReferences": [owner]},
            "resource": {"count": 1},
            "status": {"state": "Ready"},
        },
    )


async def measure(count: int) -> float:
    """Bytes of each deployment."""
    kaito = installed_providers()["kaito"]
    watcher = Watcher(
        cast(Cluster, None), {"kaito": kaito}, Silent(cast(Any, None), at_once=1), cluster_name="here"
    )
    deployments, workspaces = (reflector for reflector in watcher._reflectors if _follows(reflector))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        deployment, workspace = objects(number)
        deployments._notify(ObjectChange("set", deployment))
        workspaces._notify(ObjectChange("set", workspace))
    after, _ = tracemalloc.get_traced_memory()
    return (after - before) / count


def _follows(reflector: Reflector) -> bool:
    return reflector._kind.plural in ("modeldeployments", "workspaces")


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=10_000)
    count = parser.parse_args().deployments
    print(f"{count} idle deployments: {asyncio.run(measure(count)) / 1024:.1f} KiB each in the watcher")


if __name__ == "__main__":
    main()
