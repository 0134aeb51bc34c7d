"""No input renders more than the ceilings, an object outside its namespace, or a field that is forbidden.

The inputs are written to get past: overrides into every corner of the objects, annotations, sizes.
What was rendered is judged by its own, plain means, which know nothing of the tables and counters of `guard`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airunway.api.model_deployment import ModelDeployment
from airunway.api.quantities import parse
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from tests.providers.hostile import NAMESPACE, POLICIES, deployments

PROVIDERS = installed_providers()

ALWAYS_FORBIDDEN = {
    *("hostPort", "hostIP", "hostPath", "projected", "csi", "ephemeral", "nfs", "iscsi", "initContainers"),
    *("nodeName", "serviceAccountName", "serviceAccount", "priorityClassName", "priority", "overhead"),
    *("runtimeClassName", "resourceClaims", "claims", "volumeDevices", "externalIPs", "externalName"),
    *("loadBalancerIP", "nodePort", "sysctls", "ephemeralContainers", "dynamoNamespace", "ingress"),
    *("globalDynamoNamespace", "autoscaling", "enableInTreeAutoscaling", "finalizers", "volumeName"),
}
FORBIDDEN_IF_TRUE = {
    *("hostNetwork", "hostPID", "hostIPC", "privileged", "automountServiceAccountToken"),
    *("allowPrivilegeEscalation", "create"),
}
MAX_SURGE = "nvidia.com/deployment-rolling-update-max-surge"
PREFIXES = {"Workspace": "kaito.sh/", "RayService": "ray.io/"}
"""Of annotations by which an operator is told what to do."""
TEXTS = ("configMap", "labels", "annotations", "matchLabels", "nodeSelector", "env", "envs", "args")
"""Below these nothing is a field."""


# -- what was rendered, judged plainly ----------------------------------------------------------------------


def forbidden_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in TEXTS:
                continue
            if (key in ALWAYS_FORBIDDEN and item is not None) or (key in FORBIDDEN_IF_TRUE and item is True):
                yield key
            yield from forbidden_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from forbidden_in(item)


def number(value: Any, default: int) -> int:
    return default if value is None else max(0, int(value))


def device_sum(pod: Mapping[str, Any]) -> Decimal:
    found = Decimal(0)
    for container in pod.get("containers") or []:
        asked: Counter[str] = Counter()
        for part in ("limits", "requests"):
            for name, amount in ((container.get("resources") or {}).get(part) or {}).items():
                if "/" in name and amount is not None:
                    asked[name] = max(asked[name], int(parse(str(amount))))
        found += sum(asked.values())
    return found


def disk_of(pod: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> Decimal:
    """Bytes of its node's disk that a pod may take; `asked`: by a container that is not in the list."""
    resources = [container.get("resources") or {} for container in pod.get("containers") or []]
    main = pod.get("mainContainer") or {}
    of_containers = sum(
        (disk_bytes(given) for given in resources),
        max(disk_bytes(main.get("resources") or {}), disk_bytes(asked or {})),
    )
    volumes = [volume.get("emptyDir") or {} for volume in pod.get("volumes") or []]
    on_disk = [given.get("sizeLimit") for given in volumes if not given.get("medium")]
    return max(of_containers, sum((parse(size) for size in on_disk if size), Decimal(0)))


def disk_bytes(resources: Mapping[str, Any]) -> Decimal:
    parts = [resources.get(part) or {} for part in ("limits", "requests")]
    given = [{**part, **(part.get("custom") or {})}.get("ephemeral-storage") for part in parts]
    return max((parse(str(value)) for value in given if value is not None), default=Decimal(0))


def surge_of(strategy: Mapping[str, Any], replicas: int) -> int:
    """Pods that a roll-out may have beside the others, as the API server reads it."""
    given = (strategy.get("rollingUpdate") or {}).get("maxSurge")
    if strategy.get("type") == "Recreate":
        return 0
    if given is None or isinstance(given, str):
        return math.ceil(replicas * int((given or "25%").removesuffix("%")) / 100)
    return number(given, 0)


def groups_of(obj: Manifest) -> Iterator[tuple[int, Decimal, Decimal]]:
    """Pods of each group, GPUs of one, and its bytes on a disk."""
    spec = obj.get("spec") or {}
    if obj["kind"] == "Deployment":
        replicas = number(spec.get("replicas"), 1)
        pod = spec["template"]["spec"]
        yield replicas + surge_of(spec.get("strategy") or {}, replicas), device_sum(pod), disk_of(pod)
    if obj["kind"] == "Workspace":
        template = (obj.get("inference") or {}).get("template") or {}
        pod = template.get("spec") or {}
        yield number(obj["resource"].get("count"), 1), device_sum(pod), disk_of(pod)
    if obj["kind"] == "RayService":
        cluster = spec["rayClusterConfig"]
        pod = cluster["headGroupSpec"]["template"]["spec"]
        yield 1, device_sum(pod), disk_of(pod)
        for group in cluster["workerGroupSpecs"]:
            largest = max(number(group.get(key), 0) for key in ("replicas", "minReplicas", "maxReplicas"))
            hosts = max(1, number(group.get("numOfHosts"), 1))
            pod = group["template"]["spec"]
            yield largest * hosts, device_sum(pod), disk_of(pod)
    if obj["kind"] == "DynamoGraphDeployment":
        for service in spec["services"].values():
            nodes = max(1, number((service.get("multinode") or {}).get("nodeCount"), 1))
            resources = service.get("resources") or {}
            parts = [(resources.get(part) or {}).get("gpu") for part in ("limits", "requests")]
            gpus = max(
                (max(parse(str(value)), Decimal(0)) for value in parts if value is not None), default=0
            )
            disk = disk_of(service.get("extraPodSpec") or {}, resources)
            replicas = number(service.get("replicas"), 1)
            surge = (service.get("annotations") or {}).get(MAX_SURGE)
            strategy = {"rollingUpdate": {"maxSurge": surge if surge and "%" in surge else int(surge or 0)}}
            yield (replicas + surge_of(strategy, replicas)) * nodes, Decimal(gpus), disk


def claimed_bytes(objects: list[Manifest]) -> Decimal:
    claims = [obj for obj in objects if obj["kind"] == "PersistentVolumeClaim"]
    return sum((parse(obj["spec"]["resources"]["requests"]["storage"]) for obj in claims), Decimal(0))


@pytest.mark.parametrize("name", sorted(PROVIDERS))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_input_gets_past(name: str, data: st.DataObject) -> None:
    provider = PROVIDERS[name]
    policy = data.draw(POLICIES)
    wanted = data.draw(deployments(name))
    context = RenderContext(policy=policy)

    try:
        rendered = provider.render(wanted, context)
        staged = [obj for stage in provider.stages(wanted, context) for obj in stage.creates]
        objects = [*rendered, *staged]
    except RenderError as err:
        assert str(err).startswith(("spec", "metadata"))
        return

    ceilings = policy.ceilings
    groups = [group for obj in objects for group in groups_of(obj)]
    assert {obj["metadata"]["namespace"] for obj in objects} == {NAMESPACE}
    assert None not in map(provider.kind_of, objects)
    assert [found for obj in objects for found in forbidden_in(obj)] == []
    assert sum(count for count, _, _ in groups) <= ceilings.pods
    assert max(count for count, _, _ in groups) <= ceilings.replicas
    assert sum(count * gpus for count, gpus, _ in groups) <= ceilings.gpus
    assert sum(count * disk for count, _, disk in groups) <= parse(ceilings.ephemeral_storage)
    assert claimed_bytes(objects) <= parse(ceilings.storage)
    for obj in objects:
        if obj["kind"] == "Service":
            assert obj["spec"]["type"] == "ClusterIP"
        read_by_operator = PREFIXES.get(obj["kind"], ".")
        assert not any(key.startswith(read_by_operator) for key in obj["metadata"].get("annotations") or {})


def test_the_inputs_are_not_all_refused() -> None:
    """The property above says something: each provider renders some, with and without overrides."""
    for name, provider in PROVIDERS.items():
        rendered: Counter[bool] = Counter()

        @settings(max_examples=200, deadline=None, database=None, derandomize=True)
        @given(deployments(name), POLICIES)
        def run(wanted: ModelDeployment, policy: OverridesPolicy) -> None:
            try:
                provider.render(wanted, RenderContext(policy=policy))  # noqa: B023  (run at once)
            except RenderError:
                return
            overrides = wanted.spec.provider.overrides if wanted.spec.provider else None
            rendered[bool(overrides)] += 1  # noqa: B023  (run at once)

        run()
        assert rendered[True] > 0 and rendered[False] > 0, (name, rendered)
