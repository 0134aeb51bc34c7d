"""Why a deployment does not come up, read from its pods, workloads and events. Pure.

Operators rarely say: an unschedulable pod, a missing Secret and a bad image all look like "not ready".
Only the objects handed in are inspected; the caller chooses them by the provider's `pod_selector`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from airunway.api import names
from airunway.api.plain_text import beginning
from airunway.provider.device_holders import advice_on_holders, missing_device
from airunway.provider.reading import map_or_empty, maps_in

CRASH_LOOP_RESTARTS = 5
"""Restarts after which a crash loop is taken as final: about five minutes of the kubelet's back-off."""

_MAX_MESSAGE_LENGTH = 400
_MAX_TERMINATION_LENGTH = 160
_NEVER_PULLED = re.compile(
    r"not found|manifest unknown|does not exist|no such image|no match for platform", re.I
)
_DENIED_PULL = re.compile(r"unauthorized|denied|forbidden|authentication required|401|403", re.I)
_QUOTA = re.compile(r"exceeded quota|quota", re.I)
_CLAIM = re.compile(r"persistentvolumeclaim", re.I)
_MISSING_KEY = re.compile(r"couldn't find key|non-existent", re.I)


class _Weight(IntEnum):
    """Order of importance: what must be repaired first stands first."""

    QUOTA = 1
    CREATE = 2
    UNSCHEDULABLE = 3
    IMAGE = 4
    CONFIG = 5
    MOUNT = 6
    OUT_OF_MEMORY = 7
    CRASH = 8
    LOST = 9
    JOB = 10
    PROBE = 11


@dataclass(frozen=True)
class Finding:
    """One cause. `reason` is a condition reason; `final`: waiting will not help within reason."""

    reason: str
    message: str
    final: bool = False


Object = Mapping[str, Any]
_Weighted = tuple[_Weight, Finding]


def diagnose(
    pods: Sequence[Object], events: Sequence[Object], workloads: Sequence[Object] = ()
) -> list[Finding]:
    """Causes in order of importance, each once. Empty when nothing is wrong or nothing is known yet.

    `workloads`: ReplicaSets, StatefulSets, Deployments, Jobs. Events count only for the objects handed in,
    and the claims that pods wait for, while they still say something that the object itself does not.
    """
    alive = [pod for pod in pods if not map_or_empty(pod, "metadata").get("deletionTimestamp")]
    found: list[_Weighted] = []
    for pod in alive:
        found += _pod_findings(pod, _events_of(pod, events), pods, _claim_trouble(pod, events))
    for workload in workloads:
        found += _workload_findings(workload, _events_of(workload, events))
    unique: dict[Finding, _Weight] = {}
    for weight, finding in found:
        unique.setdefault(finding, weight)
    return sorted(unique, key=lambda finding: unique[finding])


# --- pods ------------------------------------------------------------------------------------------


def claims_of(pod: Object) -> set[str]:
    """Names of the claims that a pod mounts."""
    volumes = maps_in(map_or_empty(pod, "spec").get("volumes"))
    named = (map_or_empty(volume, "persistentVolumeClaim").get("claimName") for volume in volumes)
    return {name for name in named if isinstance(name, str)}


def _claim_trouble(pod: Object, events: Sequence[Object]) -> str:
    """What is said of the claims of a pod, e.g. that their class is not there; empty: nothing."""
    wanted = claims_of(pod) if events else ()
    about = {
        str(target["name"]): str(event.get("message") or "")
        for event in sorted(events, key=_last_seen)
        if (target := map_or_empty(event, "involvedObject")).get("kind") == "PersistentVolumeClaim"
        and target.get("name") in wanted
    }
    return "; ".join(f"claim {name}: {words}" for name, words in sorted(about.items()) if words)


def _pod_findings(
    pod: Object, events: Sequence[Object], pods: Sequence[Object], claims: str
) -> Iterator[_Weighted]:
    status = map_or_empty(pod, "status")
    phase = status.get("phase")
    if phase == "Succeeded":
        return
    if phase == "Failed" and status.get("reason"):  # evicted, or refused by the node it was bound to
        reason = str(status["reason"])
        yield _weighted(_Weight.LOST, reason, f"pod {_name(pod)} failed: {status.get('message') or reason}")
        return
    unscheduled = _unschedulable(pod, pods, claims)
    if unscheduled:
        yield unscheduled
        return
    named = False
    for container in _container_statuses(status):
        for finding in _container_findings(pod, container):
            named = True
            yield finding
    yield from _event_findings(pod, events, has_cause=named)


def _unschedulable(pod: Object, pods: Sequence[Object], claims: str) -> _Weighted | None:
    for condition in maps_in(map_or_empty(pod, "status").get("conditions")):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            message = str(condition.get("message") or "")
            if claims and _CLAIM.search(message):
                message = f"{message} ({claims})"
            device = missing_device(message)
            held = advice_on_holders(pod, pods, device) if device else ""
            advice = held or _scheduling_advice(message)
            return _weighted(
                _Weight.UNSCHEDULABLE, "Unschedulable", f"pod {_name(pod)} fits on no node: {message}", advice
            )
    return None


def _scheduling_advice(message: str) -> str:
    """What to do about the scheduler's message; empty when it names nothing that we know."""
    device = missing_device(message)
    if device:
        return f"free or add nodes with {device}"
    for text, advice in (
        ("persistentvolumeclaim", "check the claim and its storage class"),
        ("PersistentVolumeClaim", "check the claim and its storage class"),
        ("volume node affinity", "the volume is bound to another zone or node"),
        ("Insufficient memory", "lower spec.resources.memory or add nodes"),
        ("Insufficient cpu", "lower spec.resources.cpu or add nodes"),
        ("untolerated taint", "add spec.tolerations for the taint"),
        ("affinity/selector", "no node has the labels of spec.nodeSelector"),
    ):
        if text in message:
            return advice
    return ""


def _container_statuses(status: Object) -> Iterator[Object]:
    for key in ("initContainerStatuses", "containerStatuses"):
        yield from maps_in(status.get(key))


def _container_findings(pod: Object, container: Object) -> Iterator[_Weighted]:
    waiting = map_or_empty(container, "state", "waiting")
    reason = str(waiting.get("reason") or "")
    message = str(waiting.get("message") or "")
    where = f"container {container.get('name', '')} of pod {_name(pod)}"
    if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        yield _image_finding(reason, message, str(container.get("image") or ""), where)
    elif reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        advice = "create the Secret or ConfigMap, or correct its name" if "not found" in message else ""
        advice = "add the key, or correct its name" if _MISSING_KEY.search(message) else advice
        yield _weighted(_Weight.CONFIG, reason, f"{where} cannot be started: {message}", advice)
    else:
        yield from _crash_finding(container, where, backing_off=reason == "CrashLoopBackOff")


def _image_finding(reason: str, message: str, image: str, where: str) -> _Weighted:
    if reason == "InvalidImageName":
        text = f"{where}: {image!r} is no valid image name"
        return _weighted(_Weight.IMAGE, reason, text, "correct spec.engine.image", final=True)
    missing = bool(_NEVER_PULLED.search(message))
    advice = "correct spec.engine.image" if missing else ""
    if not missing and _DENIED_PULL.search(message):
        secrets = names.ANNOTATION_PULL_SECRETS
        advice = f"the registry denies the pull; give the pods a pull secret (annotation {secrets})"
    # The first failed pull may meet a registry that is being restarted; after a back-off it is believed.
    final = reason == "ErrImageNeverPull" or (missing and reason == "ImagePullBackOff")
    return _weighted(_Weight.IMAGE, reason, f"{where} cannot pull {image}: {message}", advice, final=final)


def _crash_finding(container: Object, where: str, *, backing_off: bool) -> Iterator[_Weighted]:
    restarts = container.get("restartCount") or 0
    running = "running" in map_or_empty(container, "state")
    last = map_or_empty(container, "state", "terminated") or map_or_empty(
        container, "lastState", "terminated"
    )
    if not last or container.get("ready") or (running and restarts < 2):
        return
    code = last.get("exitCode")
    if code == 0 and last.get("reason") == "Completed" and not backing_off:
        return
    final = backing_off and restarts >= CRASH_LOOP_RESTARTS
    said = _one_line(str(last.get("message") or ""), _MAX_TERMINATION_LENGTH)
    times = f"{restarts} restarts" if restarts != 1 else "1 restart"
    if last.get("reason") == "OOMKilled":
        text = f"{where} ran out of memory ({times})"
        yield _weighted(_Weight.OUT_OF_MEMORY, "OOMKilled", text, "raise spec.resources.memory", final=final)
        return
    text = f"{where} exited with code {code} ({times})"
    yield _weighted(
        _Weight.CRASH,
        "CrashLoopBackOff" if backing_off else "ContainerExited",
        f"{text}: {said}" if said else text,
        "" if said else "see its log",
        final=final,
    )


def _event_findings(pod: Object, events: Sequence[Object], *, has_cause: bool) -> Iterator[_Weighted]:
    """Mounts and probes are reported by events only. They say nothing new once a container names a cause."""
    if has_cause or _is_ready(pod):
        return
    for event in events:
        message = str(event.get("message") or "")
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            advice = "create the object, or correct its name" if "not found" in message else ""
            yield _weighted(
                _Weight.MOUNT, "FailedMount", f"pod {_name(pod)} cannot mount a volume: {message}", advice
            )
        elif event.get("reason") == "Unhealthy" and not message.startswith("Liveness"):
            yield _weighted(
                _Weight.PROBE, "NotReadyYet", f"pod {_name(pod)} runs but does not serve yet: {message}"
            )


def _is_ready(pod: Object) -> bool:
    conditions = maps_in(map_or_empty(pod, "status").get("conditions"))
    return any(entry.get("type") == "Ready" and entry.get("status") == "True" for entry in conditions)


# --- workloads -------------------------------------------------------------------------------------


def _workload_findings(workload: Object, events: Sequence[Object]) -> Iterator[_Weighted]:
    where = f"{workload.get('kind', 'workload')} {_name(workload)}"
    status = map_or_empty(workload, "status")
    for condition in maps_in(status.get("conditions")):
        message = str(condition.get("message") or "")
        if condition.get("status") != "True":
            continue
        if condition.get("type") == "ReplicaFailure":
            yield _create_failure(where, message)
        elif condition.get("type") == "Failed" and workload.get("kind") == "Job":
            reason = str(condition.get("reason") or "JobFailed")
            yield _weighted(
                _Weight.JOB, reason, f"{where} failed: {message}", "see its pod's log", final=True
            )
    if _has_all_pods(workload):
        return
    for event in events:
        if event.get("reason") == "FailedCreate":
            yield _create_failure(where, str(event.get("message") or ""))


def _has_all_pods(workload: Object) -> bool:
    """Whether the wanted pods exist, so that an earlier failure to make them is over."""
    wanted = map_or_empty(workload, "spec").get("replicas")
    made = map_or_empty(workload, "status").get("replicas") or 0
    return isinstance(wanted, int) and made >= wanted


def _create_failure(where: str, message: str) -> _Weighted:
    if _QUOTA.search(message):
        return _weighted(
            _Weight.QUOTA,
            "QuotaExceeded",
            f"{where} cannot make its pods: {message}",
            "raise the ResourceQuota or free resources",
        )
    return _weighted(_Weight.CREATE, "FailedCreate", f"{where} cannot make its pods: {message}")


# --- reading objects of any shape ------------------------------------------------------------------


def _weighted(weight: _Weight, reason: str, text: str, advice: str = "", *, final: bool = False) -> _Weighted:
    message = _one_line(text, _MAX_MESSAGE_LENGTH).rstrip(" :;,.")
    return weight, Finding(reason=reason, message=f"{message}; {advice}" if advice else message, final=final)


def _one_line(text: str, length: int) -> str:
    return beginning(" ".join(text.split()), length)


def _events_of(obj: Object, events: Iterable[Object]) -> list[Object]:
    """Events about an object: by uid where both have one, else by kind and name; the latest first."""
    metadata = map_or_empty(obj, "metadata")
    uid, name, kind = metadata.get("uid"), metadata.get("name"), obj.get("kind")
    about = []
    for event in events:
        target = map_or_empty(event, "involvedObject") or map_or_empty(event, "regarding")
        if uid and target.get("uid"):
            matches = uid == target["uid"]
        else:
            matches = name == target.get("name") and (not kind or target.get("kind") in (None, kind))
        if matches:
            about.append(event)
    return sorted(about, key=_last_seen, reverse=True)


def _last_seen(event: Object) -> str:
    series = map_or_empty(event, "series")
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _name(obj: Object) -> str:
    return str(map_or_empty(obj, "metadata").get("name") or "")
