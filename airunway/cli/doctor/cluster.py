"""The cluster: reachable, new enough, with our kinds, webhooks that answer, rights, and a clock like ours."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from airunway.api import names
from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.cli.doctor.findings import DoctorFinding, fail, ok, warn
from airunway.cli.doctor.place import DoctorPlace
from airunway.clients.access_review import can_i
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import CRDS, Cluster, Object, Resource
from airunway.provider.registry import installed_providers

OLDEST_MINOR = 30
"""As the chart demands (`kubeVersion`): the manifests have a ValidatingAdmissionPolicy, v1 since then."""
MAX_SKEW = timedelta(seconds=30)
"""Heartbeats and Leases have minutes to spare; what differs more than this is no clock."""
ENDPOINT_SLICES = Resource("discovery.k8s.io/v1", "endpointslices")
CONFIGURATIONS = {
    names.MUTATING_CONFIGURATION: Resource(
        "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"
    ),
    names.VALIDATING_CONFIGURATION: Resource(
        "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"
    ),
}
NEEDED_RIGHTS = (
    (names.GROUP, names.DEPLOYMENT_PLURAL, "list", "status, list and plan"),
    (names.GROUP, names.DEPLOYMENT_PLURAL, "create", "deploying"),
    (names.GROUP, names.CONFIG_PLURAL, "list", "providers and plan"),
    ("", "pods", "list", "logs"),
    ("", "pods/log", "get", "logs"),
    ("", "events", "list", "history"),
    ("coordination.k8s.io", "leases", "get", "doctor and migrate"),
    ("apps", "deployments", "get", "doctor and migrate"),
)
"""Group, resource, verb, and the commands that want it."""


async def reachable(place: DoctorPlace) -> list[DoctorFinding]:
    """Somebody answers, and is new enough."""
    cluster = await place.cluster_or_why()
    version = await cluster.discovery.server_version()
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < (1, OLDEST_MINOR):
        advice = f"upgrade the cluster: this system wants Kubernetes 1.{OLDEST_MINOR} or newer"
        return [fail("cluster", f"Kubernetes {version} at {cluster.host} is too old", advice)]
    return [ok("cluster", f"Kubernetes {version} at {cluster.host}")]


async def definitions(place: DoctorPlace) -> list[DoctorFinding]:
    """Our kinds are served, and have the fields of this version."""
    cluster = await place.cluster()
    return [await _definition(cluster, wanted()) for wanted in (model_deployment_crd, provider_config_crd)]


async def _definition(cluster: Cluster, wanted: Mapping[str, Any]) -> DoctorFinding:
    name = wanted["metadata"]["name"]
    check, install = f"CRD {name}", "install it: airunway crds --apply"
    live = await cluster.find(CRDS, name)
    if live is None:
        return fail(check, "is not there", install)
    served = [entry["name"] for entry in live["spec"]["versions"] if entry.get("served")]
    if names.VERSION not in served:
        return fail(check, f"serves {', '.join(served) or 'nothing'}, not {names.VERSION}", install)
    if not _is_established(live):
        return fail(check, "is not established by the API server", "see its conditions: kubectl describe crd")
    missing = sorted(set(_fields(_schema(wanted))) - set(_fields(_schema(live))))
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        words = f"lacks fields of this version: {', '.join(missing[:3])}{more}; the API server drops them"
        return warn(check, words, "bring it up to date: airunway crds --apply")
    return ok(check, f"{', '.join(served)}")


def _is_established(crd: Object) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(entry["type"] == "Established" and entry["status"] == "True" for entry in conditions)


def _schema(crd: Mapping[str, Any]) -> Mapping[str, Any]:
    for version in crd["spec"]["versions"]:
        if version["name"] == names.VERSION:
            return (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return {}


def _fields(schema: Mapping[str, Any], path: str = "") -> Iterable[str]:
    """Every field that a schema names, as `spec.model.id`."""
    for name, inner in (schema.get("properties") or {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from _fields(inner, here)
    if isinstance(schema.get("items"), Mapping):
        yield from _fields(schema["items"], f"{path}[]")


async def webhooks(place: DoctorPlace) -> list[DoctorFinding]:
    """Admission answers, if it is asked: while nobody serves it, no deployment can be created or changed."""
    cluster = await place.cluster()
    found = {name: await cluster.find(kind, name) for name, kind in CONFIGURATIONS.items()}
    others = await _left_behind(cluster)
    if not any(found.values()):
        words = "none; the workflows apply the same rules later"
        return [ok("webhooks", words), *others]
    ours = [await _webhook(cluster, name, live) for name, live in found.items() if live is not None]
    return [*ours, *others]


async def _left_behind(cluster: Cluster) -> list[DoctorFinding]:
    """Configurations of others about what is made here, and whose server is gone, as with an operator."""
    kinds = [kind for provider in installed_providers().values() for kind in provider.kinds]
    groups = {names.GROUP, "*", *(kind.group for kind in kinds if not kind.builtin)}
    return [
        fail(
            f"webhook {name}",
            f"nobody serves {where}, which objects of {', '.join(held)} wait for",
            f"start its server, or delete the configuration: kubectl delete {kind.plural} {name}",
        )
        for kind, live in await _configurations(cluster)
        if (name := str(live["metadata"]["name"])) not in CONFIGURATIONS
        for hook in live.get("webhooks") or ()
        if (held := sorted(groups & _groups_of(hook))) and (where := await _unserved(cluster, hook))
    ]


async def _configurations(cluster: Cluster) -> list[tuple[Resource, Object]]:
    found: list[tuple[Resource, Object]] = []
    for kind in CONFIGURATIONS.values():
        with suppress(NotFound):  # the sandbox has no such kind
            found += [(kind, live) for live in (await cluster.listing(kind)).items]
    return found


def _groups_of(hook: Mapping[str, Any]) -> set[str]:
    return {str(group) for rule in hook.get("rules") or () for group in rule.get("apiGroups") or ()}


async def _unserved(cluster: Cluster, hook: Mapping[str, Any]) -> str:
    """Namespace and name of the Service that a strict webhook wants and nobody serves; empty: none."""
    service = (hook.get("clientConfig") or {}).get("service")
    if not service or hook.get("failurePolicy", "Fail") != "Fail":
        return ""
    namespace, name = service["namespace"], service["name"]
    return "" if await _has_endpoints(cluster, namespace, name) else f"{namespace}/{name}"


async def _webhook(cluster: Cluster, name: str, live: Object) -> DoctorFinding:
    check, remove = f"webhook {name}", f"serve it by `airunway webhook`, or delete the configuration {name}"
    for hook in live.get("webhooks") or ():
        client = hook.get("clientConfig") or {}
        if not client.get("caBundle"):
            return fail(check, "trusts no certificate yet (caBundle is empty)", remove)
        service = client.get("service")
        if service and not await _has_endpoints(cluster, service["namespace"], service["name"]):
            where = f"{service['namespace']}/{service['name']}"
            strict = hook.get("failurePolicy", "Fail") == "Fail"
            words = f"nobody serves {where}" + (", so no ModelDeployment can be changed" if strict else "")
            return (fail if strict else warn)(check, words, remove)
    return ok(check, "somebody serves it")


async def _has_endpoints(cluster: Cluster, namespace: str, service: str) -> bool:
    selector = f"kubernetes.io/service-name={service}"
    slices = await cluster.listing(ENDPOINT_SLICES, namespace=namespace, label_selector=selector)
    return any(
        (endpoint.get("conditions") or {}).get("ready", True)
        for entry in slices.items
        for endpoint in entry.get("endpoints") or ()
    )


async def rights(place: DoctorPlace) -> list[DoctorFinding]:
    """What this account may do, by SelfSubjectAccessReview."""
    cluster = await place.cluster()
    answers = await asyncio.gather(
        *(can_i(cluster, group=group, resource=what, verb=verb) for group, what, verb, _ in NEEDED_RIGHTS)
    )
    lacking = [
        (f"{verb} {what}", uses)
        for (_, what, verb, uses), allowed in zip(NEEDED_RIGHTS, answers, strict=True)
        if not allowed
    ]
    if not lacking:
        return [ok("rights", "this account may do what the commands need, in every namespace")]
    what = ", ".join(right for right, _ in lacking)
    uses = ", ".join(dict.fromkeys(use for _, use in lacking))
    words = f"this account may not {what} in every namespace; wanted by {uses}"
    return [warn("rights", words, "bind it to the ClusterRole airunway-modeldeployment-admin-role, or wider")]


async def clock(place: DoctorPlace) -> list[DoctorFinding]:
    """How far the clock here is from the API server's."""
    cluster = await place.cluster()
    before = datetime.now(UTC)
    theirs = await cluster.server_time()
    after = datetime.now(UTC)
    if theirs is None:
        words = "not checked: the API server does not tell the time"
        return [warn("clock", words, "compare `date` here and on a node: heartbeats and Leases go by both")]
    # It tells whole seconds, and may have written them at any moment between question and answer.
    skew = max(theirs - after, before - theirs - timedelta(seconds=1), timedelta(0))
    if skew > MAX_SKEW:
        words = f"differs from the API server's by {skew.total_seconds():.0f} s"
        return [warn("clock", words, "set both clocks (NTP): heartbeats and Leases go by them")]
    return [ok("clock", "as the API server's")]
