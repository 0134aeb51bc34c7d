"""Each provider: its worker alive, its operator there; and Helm, which installs operators."""

from __future__ import annotations

import asyncio
import shutil
from importlib.util import find_spec

from temporalio.api.enums.v1 import TaskQueueType

from airunway.api.names import INSTALLER_QUEUE, core_task_queue, task_queue_beside
from airunway.cli.doctor.findings import DoctorFinding, fail, ok, warn
from airunway.cli.doctor.place import DoctorPlace
from airunway.cli.doctor.temporal import has_pollers
from airunway.cli.explain import explain
from airunway.cli.provider_report import ProviderRow, provider_row
from airunway.clients.kubernetes import CONFIGS
from airunway.installation.state import State

HELM_LIBRARY = "helm_python"
_HEALTHY = (State.READY, State.REGISTERED, State.INSTALLED)
VERSION_SECONDS = 5.0


async def registered(place: DoctorPlace) -> list[DoctorFinding]:
    """Every provider that the cluster knows."""
    cluster = await place.cluster()
    configs = (await cluster.listing(CONFIGS)).items
    if not configs:
        advice = "start a worker that serves one: airunway worker --provider NAME"
        return [fail("providers", "none is registered, so nothing can be deployed", advice)]
    rows = await asyncio.gather(
        *(provider_row(cluster, config, place.settings) for config in configs), return_exceptions=True
    )
    return [_finding(config["metadata"]["name"], row) for config, row in zip(configs, rows, strict=True)]


def _finding(name: str, row: ProviderRow | BaseException) -> DoctorFinding:
    check = f"provider {name}"
    if isinstance(row, Exception):
        # What is wrong with one hides nothing of the others.
        return fail(check, explain(row), f"see airunway providers show {name}")
    if isinstance(row, BaseException):
        raise row
    state, words = row.status.state, row.status.message
    if state in _HEALTHY and row.status.ready:
        versions = ", ".join(row.versions.values())
        return ok(check, f"{words or 'ready'}{f' ({versions})' if versions else ''}")
    if state is State.SHIM_STALE:
        return fail(check, words, f"its worker is silent; start it: airunway worker --provider {name}")
    if state is State.PROBE_ERROR:
        return warn(check, words, "ask as somebody who may read CRDs and pods")
    if not row.status.installed:
        return warn(check, words, f"its operator is missing; install it: airunway providers install {name}")
    return fail(check, words or state.value, f"see airunway providers show {name}")


async def installer(place: DoctorPlace) -> list[DoctorFinding]:
    """Whether somebody installs operators. Nobody has to."""
    client = await place.temporal()
    queue = task_queue_beside(core_task_queue(await place.cluster_name()), INSTALLER_QUEUE)
    if await has_pollers(client, queue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
        return [ok("installer", f"polls {queue}")]
    words = "none runs, so operators are not installed by this system"
    return [warn("installer", words, "if they are to be: airunway worker --installer, or deploy/installer")]


async def helm(place: DoctorPlace) -> list[DoctorFinding]:
    """Helm as an installer on this machine would use it."""
    binary = place.settings.helm_binary
    if not binary:
        if find_spec(HELM_LIBRARY) is not None:
            return [ok("helm", "as a library, on this machine")]
        advice = "where an installer runs: install airunway-temporal[installer], or set AIRUNWAY_HELM_BINARY"
        return [warn("helm", "not on this machine; only an installer needs it", advice)]
    path = shutil.which(binary)
    if path is None:
        return [fail("helm", f"AIRUNWAY_HELM_BINARY: {binary} is no program", "name one, or leave it out")]
    process = await asyncio.create_subprocess_exec(
        path,
        "version",
        "--short",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(VERSION_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        return [fail("helm", f"{path} does not answer within {VERSION_SECONDS:g} s", "name another one")]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    first = said.decode(errors="replace").strip().splitlines()[:1]
    if process.returncode or not first:
        return [fail("helm", f"{path} version: exit status {process.returncode}", "name another one")]
    return [ok("helm", f"{first[0]} ({path})")]
