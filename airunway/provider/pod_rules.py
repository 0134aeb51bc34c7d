"""What the API server would refuse in the pods of what is rendered, said by plan and admission. Pure.

A user gives parts of pods by overrides, and they come together with ours: a probe, an affinity, two mounts at
one path. Found out at apply, that would be a failed roll-out. What one field of the spec says for itself is
judged by `selection.server_rules`, with that field's name.
Source: k8s.io/kubernetes, pkg/apis/core/validation/validation.go, of the release that `tests/real` runs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airunway.api.findings import FieldError, FieldErrorType
from airunway.api.paths import Path, shown
from airunway.api.server_names import key_fault, label_fault, subdomain_fault
from airunway.provider.affinity_rules import AFFINITY, SPREADS
from airunway.provider.container_rules import (
    PROBES,
    USER,
    container,
    mounts_of,
    relative_path_fault,
)
from airunway.provider.manifest import Manifest
from airunway.provider.server_parts import (
    absent,
    amount,
    flag,
    once_each,
    one_of,
    only_one,
    parts,
    text,
    together,
    whole,
)
from airunway.provider.shapes import NotInShape, Shape, each

MAX_NAMESERVERS, MAX_SEARCHES, MAX_SEARCH_CHARACTERS = 3, 32, 2048
_OF_OPERATORS = "extraPodSpec"
"""A pod's spec under a name of Dynamo's, which may be without containers."""
_ONE_CONTAINER = "mainContainer"
_USUAL_DEADLINE, _USUAL_GRACE = 600, 30
_PERCENT = re.compile(r"[0-9]{1,9}%")


def pod_findings(objects: Iterable[Manifest]) -> Iterator[FieldError]:
    """A finding for each part of a pod that would be refused."""
    for obj in objects:
        metadata = obj.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        for fault in _faults(obj):
            words = f"{shown(fault.path)} of the rendered {obj.get('kind')} {name} {fault.why}"
            yield FieldError(type=FieldErrorType.FORBIDDEN, field="spec", detail=words)


def _faults(obj: Manifest) -> Iterator[NotInShape]:
    rule = _WORKLOADS.get((str(obj.get("apiVersion")), str(obj.get("kind"))))
    yield from rule(obj.get("spec"), ("spec",)) if rule else _within(obj, ())


def _within(value: Any, at: Path) -> Iterator[NotInShape]:
    """Pods, and probes beside them, wherever an operator's object has them."""
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _within(entry, (*at, index))
    if not isinstance(value, Mapping):
        return
    for key, part in value.items():
        where = (*at, key)
        if key == _OF_OPERATORS or (isinstance(part, Mapping) and isinstance(part.get("containers"), list)):
            yield from _POD_OF_OPERATOR(part, where)
        elif key in PROBES:
            yield from PROBES[key](part, where)
        else:
            yield from _within(part, where)


# -- volumes ------------------------------------------------------------------------------------------------

_MODE = whole(0, 0o777)
_FILE_PATH = text(relative_path_fault)
_FILES = each(parts({"key": text(), "path": _FILE_PATH, "mode": _MODE}, required=("key", "path")))
_POD_FILES = each(
    parts(
        {"path": _FILE_PATH, "mode": _MODE}, required=("path",), also=only_one("fieldRef", "resourceFieldRef")
    )
)
_SOURCES: Mapping[str, Shape] = {
    "configMap": parts(
        {"name": text(), "defaultMode": _MODE, "items": _FILES, "optional": flag}, required=("name",)
    ),
    "downwardAPI": parts({"defaultMode": _MODE, "items": _POD_FILES}),
    "emptyDir": parts({"medium": text(), "sizeLimit": amount}),
    "persistentVolumeClaim": parts({"claimName": text(), "readOnly": flag}, required=("claimName",)),
    "secret": parts(
        {"secretName": text(), "defaultMode": _MODE, "items": _FILES, "optional": flag},
        required=("secretName",),
    ),
}
_VOLUME = parts(
    {"name": text(label_fault), **_SOURCES},
    required=("name",),
    also=only_one(
        *_SOURCES, "projected", "ephemeral", "csi", "image", "hostPath", "nfs", "iscsi", needed=False
    ),
)


def _mounted_volumes(pod: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    """Mounts of volumes that the pod has not."""
    volumes = pod.get("volumes")
    named = [entry.get("name") for entry in volumes or () if isinstance(entry, Mapping)]
    for field in ("initContainers", "containers"):
        for index, entry in enumerate(_entries(pod.get(field))):
            for place, name in mounts_of(entry):
                if name not in named:
                    where = (*at, field, index, "volumeMounts", place, "name")
                    yield NotInShape(path=where, why="names a volume that the pod has not")


def _entries(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


# -- names and addresses ------------------------------------------------------------------------------------


def _address_fault(given: str) -> str:
    # Kubernetes still takes leading zeros here, and no zone.
    bare = ".".join(part.lstrip("0") or "0" for part in given.split(".")) if ":" not in given else given
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return "must be an IP address"
    return "must be an IP address without a zone" if "%" in bare else ""


_HOST_ALIAS = parts(
    {"ip": text(_address_fault), "hostnames": each(text(subdomain_fault, empty_too=True))}, required=("ip",)
)


def _search_fault(given: str) -> str:
    return "" if given == "." else subdomain_fault(given.removesuffix(".").replace("_", "a"))


def _few_enough(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    servers, searches = (
        [*value[key]] if isinstance(value.get(key), list) else [] for key in ("nameservers", "searches")
    )
    if len(servers) > MAX_NAMESERVERS:
        yield NotInShape(path=(*at, "nameservers"), why=f"must be no more than {MAX_NAMESERVERS}")
    if len(searches) > MAX_SEARCHES or len(" ".join(map(str, searches))) > MAX_SEARCH_CHARACTERS:
        words = f"must be no more than {MAX_SEARCHES}, of {MAX_SEARCH_CHARACTERS} characters together"
        yield NotInShape(path=(*at, "searches"), why=words)


_DNS = parts(
    {
        "nameservers": each(text(_address_fault, empty_too=True)),
        "searches": each(text(_search_fault, empty_too=True)),
        "options": each(parts({"name": text(), "value": text()}, required=("name",))),
    },
    also=_few_enough,
)


def _dns_fits(pod: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    config = pod.get("dnsConfig")
    if pod.get("dnsPolicy") == "None" and not (isinstance(config, Mapping) and config.get("nameservers")):
        yield NotInShape(path=(*at, "dnsConfig", "nameservers"), why="is required where dnsPolicy is None")


def _sleeps_end(pod: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    """A hook that sleeps longer than the pod has to end in."""
    given = pod.get("terminationGracePeriodSeconds")
    grace = given if isinstance(given, int) else _USUAL_GRACE
    for index, entry in enumerate(_entries(pod.get("containers"))):
        for hook, given in _mapping(entry.get("lifecycle")).items():
            seconds = _mapping(_mapping(given).get("sleep")).get("seconds")
            if isinstance(seconds, int) and seconds > grace:
                where = (*at, "containers", index, "lifecycle", hook, "sleep", "seconds")
                words = f"must be no more than terminationGracePeriodSeconds, which is {grace}"
                yield NotInShape(path=where, why=words)


# -- the pod ------------------------------------------------------------------------------------------------

_SECURITY = parts(
    {
        **USER,
        "fsGroup": whole(0),
        "fsGroupChangePolicy": one_of("Always", "OnRootMismatch"),
        "supplementalGroups": each(whole(0)),
        "supplementalGroupsPolicy": one_of("Merge", "Strict"),
    }
)
_POD: Mapping[str, Shape] = {
    "activeDeadlineSeconds": whole(1),
    "affinity": AFFINITY,
    "dnsConfig": _DNS,
    "dnsPolicy": one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "hostAliases": once_each(_HOST_ALIAS, "ip"),
    **dict.fromkeys(("hostname", "subdomain"), text(label_fault)),
    "imagePullSecrets": once_each(parts({"name": text()}), "name"),
    "os": parts({"name": one_of("linux", "windows")}, required=("name",)),
    "readinessGates": each(parts({"conditionType": text(key_fault)}, required=("conditionType",))),
    "restartPolicy": one_of("Always", "Never", "OnFailure"),
    "schedulerName": text(),
    "securityContext": _SECURITY,
    "terminationGracePeriodSeconds": whole(0),
    "topologySpreadConstraints": SPREADS,
    "volumes": once_each(_VOLUME, "name"),
    **dict.fromkeys(("enableServiceLinks", "setHostnameAsFQDN", "shareProcessNamespace"), flag),
}


def _pod(*, whole_one: bool, restart: tuple[str, ...] = ()) -> Shape:
    """A pod's spec. `restart`: when it may be restarted, the first where nothing is said."""
    known = {**_POD, "containers": once_each(container(whole_one=whole_one), "name")}
    if restart:
        known["restartPolicy"] = one_of(*restart)
    return parts(
        {**known, _ONE_CONTAINER: container(whole_one=False)},
        required=("containers",) if whole_one else (),
        also=together(_dns_fits, _sleeps_end, *((_mounted_volumes,) if whole_one else ())),
    )


_POD_OF_OPERATOR = _pod(whole_one=False)


# -- workloads ----------------------------------------------------------------------------------------------


def _pods_or_percent(value: Any, at: Path) -> Iterator[NotInShape]:
    if not isinstance(value, str):
        yield from whole(0)(value, at)
    elif not _PERCENT.fullmatch(value):
        yield NotInShape(path=at, why="must be a whole number or a percentage, as in 25%")


def _not_all_and_more(value: Any, at: Path) -> Iterator[NotInShape]:
    if isinstance(value, str) and _PERCENT.fullmatch(value) and int(value[:-1]) > 100:
        yield NotInShape(path=at, why="must not be more than 100%")
    yield from _pods_or_percent(value, at)


_ROLLING = parts({"maxSurge": _pods_or_percent, "maxUnavailable": _not_all_and_more})


def _progress_fits(spec: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    deadline, ready = (
        spec[key] if isinstance(spec.get(key), int) else usual
        for key, usual in (("progressDeadlineSeconds", _USUAL_DEADLINE), ("minReadySeconds", 0))
    )
    if deadline <= ready:
        yield NotInShape(path=(*at, "progressDeadlineSeconds"), why="must be greater than minReadySeconds")


def _selects_own_pods(spec: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    wanted = _mapping(_mapping(spec.get("selector")).get("matchLabels"))
    labels = _mapping(_mapping(_mapping(spec.get("template")).get("metadata")).get("labels"))
    for key in wanted:
        if labels.get(key) != wanted[key]:
            where = (*at, "template", "metadata", "labels", key)
            yield NotInShape(path=where, why="must be what the selector asks for")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


_COUNT = whole(0)
_DEPLOYMENT = parts(
    {
        **dict.fromkeys(
            ("replicas", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"), _COUNT
        ),
        "paused": flag,
        "strategy": parts({"type": one_of("Recreate", "RollingUpdate"), "rollingUpdate": _ROLLING}),
        "template": parts(
            {
                "spec": together(
                    _pod(whole_one=True, restart=("Always",)),
                    parts({"activeDeadlineSeconds": absent("is for Jobs")}),
                )
            },
            required=("spec",),
        ),
    },
    also=together(_progress_fits, _selects_own_pods),
)
_JOB = parts(
    {
        **dict.fromkeys(("activeDeadlineSeconds", "backoffLimit", "completions", "parallelism"), _COUNT),
        "ttlSecondsAfterFinished": _COUNT,
        "template": parts({"spec": _pod(whole_one=True, restart=("OnFailure", "Never"))}, required=("spec",)),
    }
)
_WORKLOADS: Mapping[tuple[str, str], Shape] = {
    ("apps/v1", "Deployment"): _DEPLOYMENT,
    ("batch/v1", "Job"): _JOB,
}
