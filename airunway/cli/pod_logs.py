"""The work of `airunway logs`: find a deployment's pods, print what their containers say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from airunway.api import names
from airunway.cli import output
from airunway.cli.cluster import namespace_for, settings_for
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.clients.errors import ApiError, Forbidden, NotFound, Unreachable
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, PODS, Cluster, Object
from airunway.console.rows import deployment_row
from airunway.provider.registry import installed_providers
from airunway.workers.upstream_kinds import announced_pod_label

MAX_FOLLOWED = 50
"""Logs that are followed at once: each is a connection to the API server and, through it, to a node."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_NOT_SERVED = ("could not find the requested resource", "404 page not found")


@dataclass(frozen=True, kw_only=True)
class PodLogOptions:
    """Which logs are wanted, and how much of them."""

    container: str = ""
    """Empty: the engine's."""
    all_containers: bool = False
    follow: bool = False
    previous: bool = False
    tail_lines: int | None = None


@dataclass(frozen=True)
class LogSource:
    """One container of a pod."""

    pod: str
    container: str

    def __str__(self) -> str:
        return f"[{self.pod}/{self.container}] "


async def print_logs(namespace: str | None, name: str, wanted: PodLogOptions, *, where: Where) -> None:
    """Print them. Raises CliError where there is no such deployment, no pod, or none of the logs."""
    settings = settings_for(where)
    namespace = namespace_for(settings, namespace)
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        deployment = await cluster.find(DEPLOYMENTS, name, namespace=namespace)
        if deployment is None:
            raise CliError(f"no {names.DEPLOYMENT_KIND} {namespace}/{name}")
        pods = await pods_of(cluster, deployment)
        if not pods:
            raise CliError(_no_pods(deployment))
        sources = list(_sources(pods, engine=deployment_row(deployment).engine, wanted=wanted))
        if not sources:
            there = sorted({entry for pod in pods for entry in containers_of(pod)})
            raise CliError(f"no pod has a container {wanted.container!r}; there are: {', '.join(there)}")
        await _print_all(cluster, namespace, sources, wanted)


async def pods_of(cluster: Cluster, deployment: Object) -> list[Object]:
    """Those that serve it, the oldest first."""
    meta, provider = deployment["metadata"], deployment_row(deployment).provider
    label = names.LABEL_DEPLOYMENT
    if provider:
        config = await cluster.find(CONFIGS, provider)
        plugin = installed_providers().get(provider)
        announced = announced_pod_label(config) if config else []
        label = announced[0] if announced else plugin.pod_label if plugin else label
    selector = f"{label}={meta['name']}"
    listing = await cluster.listing(PODS, namespace=meta["namespace"], label_selector=selector)
    return sorted(
        listing.items, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"])
    )


def _no_pods(deployment: Object) -> str:
    row = deployment_row(deployment)
    state = ": ".join(word for word in (row.phase, row.message) if word) or "it has no status yet"
    return f"{names.DEPLOYMENT_KIND} {row.namespace}/{row.name} has no pods ({state})"


def _sources(pods: Sequence[Object], *, engine: str, wanted: PodLogOptions) -> Iterable[LogSource]:
    for pod in pods:
        name, containers = pod["metadata"]["name"], containers_of(pod)
        first = engine_container(pod, engine)
        chosen = [first, *(entry for entry in containers if entry != first)]
        if wanted.container:
            chosen = [entry for entry in containers if entry == wanted.container]
        elif not wanted.all_containers:
            chosen = [first]
        for container in chosen:
            yield LogSource(name, container)


def containers_of(pod: Object) -> list[str]:
    """All that can have a log, those that only begin the pod last."""
    spec = pod.get("spec") or {}
    groups = ("containers", "initContainers", "ephemeralContainers")
    return [str(entry["name"]) for group in groups for entry in spec.get(group) or ()]


def engine_container(pod: Object, engine: str) -> str:
    """The container that serves the model, as far as its pod shows it.

    It is the one that the pod itself calls its default, else one that is called like the engine, else the
    first that asks for a device (`vendor/resource`), else the first.
    """
    containers = (pod.get("spec") or {}).get("containers") or [{"name": ""}]
    known = [str(entry["name"]) for entry in containers]
    default = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    for name in (default, engine):
        if name in known:
            return str(name)
    for entry in containers:
        limits = (entry.get("resources") or {}).get("limits") or {}
        if any("/" in resource for resource in limits):
            return str(entry["name"])
    return known[0]


async def _print_all(
    cluster: Cluster, namespace: str, sources: Sequence[LogSource], wanted: PodLogOptions
) -> None:
    """One after the other or, followed, side by side. Raises CliError where no log could be read."""
    several = len(sources) > 1
    if wanted.follow and len(sources) > MAX_FOLLOWED:
        output.note(f"{len(sources)} logs; the first {MAX_FOLLOWED} are followed: choose others with -c")
        sources = sources[:MAX_FOLLOWED]
    problems: list[str] = []

    async def one(source: LogSource) -> None:
        prefix = str(source) if several else ""
        try:
            await _print_one(cluster, namespace, source, wanted, prefix)
        except Unreachable:
            raise
        except ApiError as err:
            problems.append(f"{source.pod}/{source.container}: {_problem(err)}")
            output.note(problems[-1])

    if wanted.follow:
        async with asyncio.TaskGroup() as group:
            for source in sources:
                group.create_task(one(source))
    else:
        for source in sources:
            await one(source)
    if len(problems) == len(sources):
        raise CliError("none of the logs can be read")


async def _print_one(
    cluster: Cluster, namespace: str, source: LogSource, wanted: PodLogOptions, prefix: str
) -> None:
    lines = cluster.log(
        source.pod,
        namespace=namespace,
        container=source.container,
        follow=wanted.follow,
        previous=wanted.previous,
        tail_lines=wanted.tail_lines,
    )
    async with aclosing(lines):
        async for line in lines:
            output.line(prefix + line, flush=wanted.follow)


def _problem(err: ApiError) -> str:
    if isinstance(err, NotFound) and any(words in str(err) for words in _NOT_SERVED):
        return "this API server serves no logs of pods"
    if isinstance(err, Forbidden):
        return f"its log may not be read: {err}"
    return str(err)
