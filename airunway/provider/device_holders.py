"""Who holds the devices that a pod waits for: the pods of the same deployment's earlier version. Pure.

The scheduler says that a device is short, and to add nodes. Where a roll-out wants the new pod first, no node
helps but one more than was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.api import names
from airunway.api.quantities import InvalidQuantity, parse
from airunway.provider.reading import map_or_empty

_VERSION_LABELS = ("pod-template-hash", "controller-revision-hash", "ray.io/cluster")
"""Labels by which Kubernetes and KubeRay tell the pods of one version from those of another."""
_MAX_NAMED = 3

Object = Mapping[str, Any]


def missing_device(message: str) -> str:
    """The extended resource that the scheduler says is short, e.g. `nvidia.com/gpu`; empty for none."""
    found = re.search(r"Insufficient (\S+/\S*?)[.,;]?(?:\s|$)", message)
    return found[1] if found else ""


def advice_on_holders(pod: Object, pods: Sequence[Object], device: str) -> str:
    """What to do when earlier pods of the deployment hold the device; empty when none does.

    `pods`: all of the deployment, those that are ending too: they hold it until they are gone.
    """
    holders = [other for other in pods if _is_earlier(other, pod) and _asks_for(other, device) > 0]
    if not holders:
        return ""
    held = sum(_asks_for(other, device) for other in holders)
    shown = [str(map_or_empty(other, "metadata").get("name")) for other in holders[:_MAX_NAMED]]
    more = f" and {len(holders) - _MAX_NAMED} more" if len(holders) > _MAX_NAMED else ""
    said = f"this deployment's own earlier pods hold {held} {device}: {', '.join(shown)}{more}"
    if all(map_or_empty(other, "metadata").get("deletionTimestamp") for other in holders):
        return f"{said}, which are ending"
    return (
        f"{said}; without spare devices they have to go first, as annotation {names.ANNOTATION_ROLLOUT} "
        "says by default (NoSurge)"
    )


def _is_earlier(other: Object, pod: Object) -> bool:
    """Whether it is bound to a node, not done, and of another version."""
    bound = map_or_empty(other, "spec").get("nodeName")
    if not bound or map_or_empty(other, "status").get("phase") in ("Succeeded", "Failed"):
        return False
    theirs, ours = (map_or_empty(entry, "metadata", "labels") for entry in (other, pod))
    return any(theirs[label] != ours[label] for label in _VERSION_LABELS if label in theirs and label in ours)


def _asks_for(pod: Object, device: str) -> int:
    containers = map_or_empty(pod, "spec").get("containers")
    total = 0
    for container in containers if isinstance(containers, list) else ():
        given = map_or_empty(container, "resources", "limits").get(device)
        try:
            total += int(parse(str(given))) if given is not None else 0
        except InvalidQuantity:
            continue
    return total
