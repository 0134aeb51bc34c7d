"""The pretend kubelet of all pretend nodes: pods bound to a node pull, start, become ready, or fail.

No container runs. What happens to a pod is a short script of stages, each with its duration, so that a
failing pod shows the same states, in the same order and with the same words, as on a real node.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from airunway.clients.kubernetes import Cluster
from airunway.sandbox.operators import pod_status
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.environment import what_is_missing
from airunway.sandbox.operators.events import record
from airunway.sandbox.operators.faults import PodFault, fault_of, is_instant
from airunway.sandbox.operators.objects import Key, Object, controller_of, is_ready, key_of
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.serving import log_lines
from kube_emulator import PodLogs

COMPONENT = "kubelet"


@dataclass
class _Life:
    """Where a pod stands, and when the next stage is due (loop time)."""

    timing: Timing
    stage: str = "pulling"
    due: float = 0.0
    restarts: int = 0
    last: Object = field(default_factory=dict)


class Kubelet:
    """Leads every bound pod through its life."""

    def __init__(
        self, cluster: Cluster, pods: KindCache, timing: Timing, *, logs: PodLogs | None = None
    ) -> None:
        self._cluster, self._pods, self._timing = cluster, pods, timing
        self._logs = logs
        self._told: set[str] = set()  # uids of pods that served before this kubelet started, and were told of
        self._lives: dict[str, _Life] = {}
        self.controller = Controller("kubelet", self._reconcile)
        pods.on_change(self._changed)

    def _changed(self, pod: Object) -> None:
        if self._pods.get(key_of(pod)) is None:
            self._lives.pop(pod["metadata"]["uid"], None)
            self._told.discard(pod["metadata"]["uid"])
        elif pod["spec"].get("nodeName"):
            self.controller.enqueue(key_of(pod))

    async def _reconcile(self, key: Key) -> float | None:
        pod = self._pods.get(key)
        if pod is None or not pod["spec"].get("nodeName"):
            return None
        if "deletionTimestamp" in pod["metadata"]:
            await self._pods.delete(pod, at_once=True)
            return None
        if pod["metadata"]["uid"] not in self._lives and is_ready(pod):
            self._serves_already(pod)
            return None
        if (pod.get("status") or {}).get("phase") == "Succeeded":
            return None
        return await self._advance(pod)

    def _serves_already(self, pod: Object) -> None:
        """It served before this kubelet started, which knows nothing of what it printed then."""
        if pod["metadata"]["uid"] not in self._told:
            self._told.add(pod["metadata"]["uid"])
            self._print(pod, log_lines.starting(pod))
            self._print(pod, log_lines.serving(pod))

    def _print(self, pod: Object, text: str) -> None:
        if self._logs is not None:
            self._logs.write(pod["metadata"]["uid"], pod["spec"]["containers"][0]["name"], text)

    def _print_anew(self, pod: Object, life: _Life) -> None:
        """A container was started; what the one before it printed is its previous log."""
        if self._logs is not None and life.restarts:
            self._logs.restart(pod["metadata"]["uid"], pod["spec"]["containers"][0]["name"])
        self._print(pod, log_lines.starting(pod))

    async def _advance(self, pod: Object) -> float | None:
        """Do every stage that is due; answers when the next one is."""
        time = asyncio.get_running_loop().time
        uid = pod["metadata"]["uid"]
        if uid not in self._lives:
            timing = Timing.instant() if is_instant(pod) else self._timing
            self._lives[uid] = _Life(timing=timing, due=time() + timing.pull)
            await self._begin(pod, timing)
        life = self._lives[uid]
        while life.stage != "done":
            left = life.due - time()
            if left > 0:
                return left
            life.due = time() + await self._stage(self._pods.get(key_of(pod)) or pod, life)
        return None

    async def _begin(self, pod: Object, timing: Timing) -> None:
        if timing.pull:
            await self._write(pod, pod_status.waiting(pod, "ContainerCreating"))
            await self._event(pod, "Pulling", f'Pulling image "{_image(pod)}"')

    async def _stage(self, pod: Object, life: _Life) -> float:
        """Do one stage and name the next; answers its delay in seconds."""
        match life.stage:
            case "pulling":
                return await self._pulled(pod, life)
            case "pull-failed":
                message = f'Back-off pulling image "{_image(pod)}": ErrImagePull: {_not_found(_image(pod))}'
                await self._write(pod, pod_status.waiting(pod, "ImagePullBackOff", message))
                await self._event(pod, "BackOff", message, warning=True)
                life.stage = "done"
                return 0.0
            case "started":
                if _is_of_a_job(pod):
                    self._print(pod, log_lines.done())
                    await self._write(pod, pod_status.succeeded(pod))
                    life.stage = "done"
                    return 0.0
                self._print(pod, log_lines.serving(pod))
                await self._write(
                    pod, pod_status.running(pod, ready=True, restarts=life.restarts, last=life.last)
                )
                life.stage = "done"
                return 0.0
            case "crashing":
                return await self._crashed(pod, life)
        return await self._start(pod, life)  # after a crash, or once the configuration is there

    async def _pulled(self, pod: Object, life: _Life) -> float:
        if fault_of(pod) is PodFault.IMAGE_PULL:
            cause = _not_found(_image(pod))
            words = f'Failed to pull image "{_image(pod)}": {cause}'
            await self._write(pod, pod_status.waiting(pod, "ErrImagePull", cause))
            await self._event(pod, "Failed", words, warning=True)
            life.stage = "pull-failed"
            return life.timing.start
        await self._event(pod, "Pulled", f'Successfully pulled image "{_image(pod)}"')
        return await self._start(pod, life)

    async def _start(self, pod: Object, life: _Life) -> float:
        missing = await what_is_missing(self._cluster, pod)
        if missing:
            await self._write(pod, pod_status.waiting(pod, "CreateContainerConfigError", missing))
            await self._event(pod, "Failed", f"Error: {missing}", warning=True)
            life.stage = "blocked"
            return life.timing.backoff
        fault = fault_of(pod)
        crashes = fault in (PodFault.CRASH, PodFault.OUT_OF_MEMORY)
        self._print_anew(pod, life)
        await self._event(pod, "Started", f"Started container {pod['spec']['containers'][0]['name']}")
        # An instant start writes readiness at once, in one request instead of two.
        if crashes or fault is PodFault.NEVER_READY or life.timing.start:
            await self._write(
                pod, pod_status.running(pod, ready=False, restarts=life.restarts, last=life.last)
            )
        if fault is PodFault.NEVER_READY:
            words = "Readiness probe failed: connection refused"
            await self._event(pod, "Unhealthy", words, warning=True)
            life.stage = "done"
            return 0.0
        life.stage = "crashing" if crashes else "started"
        return life.timing.crash if crashes else life.timing.start

    async def _crashed(self, pod: Object, life: _Life) -> float:
        self._print(pod, log_lines.falling(pod))
        killed = fault_of(pod) is PodFault.OUT_OF_MEMORY
        life.last = pod_status.ended(137 if killed else 1, "OOMKilled" if killed else "Error")
        life.restarts += 1
        backoff = life.timing.backoff
        await self._write(
            pod, pod_status.crash_loop(pod, restarts=life.restarts, last=life.last, backoff=backoff)
        )
        words = "Back-off restarting failed container"
        await self._event(pod, "BackOff", words, warning=True)
        life.stage = "restarting"
        # Grows as the real one does, up to five minutes.
        return min(backoff * 2.0 ** (life.restarts - 1), 300.0)

    async def _write(self, pod: Object, status: Object) -> None:
        await self._pods.patch(pod, status, status=True)

    async def _event(self, pod: Object, reason: str, message: str, *, warning: bool = False) -> None:
        await record(
            self._cluster,
            pod,
            kind="Pod",
            reason=reason,
            message=message,
            component=COMPONENT,
            warning=warning,
        )


def _is_of_a_job(pod: Object) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner["kind"] == "Job"


def _not_found(image: str) -> str:
    return f'failed to resolve reference "{image}": not found'


def _image(pod: Object) -> str:
    return str(pod["spec"]["containers"][0]["image"])
