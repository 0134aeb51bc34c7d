"""What a shell completes: names of the cluster that the command line names so far.

Whoever presses Tab waits for the answer, so it is bounded in time and in number, and what goes wrong is
silence. Names that a shell would take for more than a word are left out: no object can have them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunway.cli.contexts import read_contexts
from airunway.cli.placing import Where
from airunway.cli.problems import CliError

if TYPE_CHECKING:
    from airunway.clients.kubernetes import Cluster

PATIENCE_SECONDS = 3.0
MAX_NAMES = 500
_WORD = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:@/_-]*[A-Za-z0-9])?")


def deployments_like(params: Mapping[str, Any], beginning: str) -> list[str]:
    """Deployments of the namespace."""
    return _words(_listed("DEPLOYMENTS", params, in_namespace=True), beginning)


def containers_like(params: Mapping[str, Any], beginning: str) -> list[str]:
    """Containers of the pods of the deployment that is named so far."""
    name = params.get("name")
    return _words(_answered(_containers(params, str(name))) if name else [], beginning)


def providers_like(params: Mapping[str, Any], beginning: str) -> list[str]:
    """Providers that are registered in the cluster or installed on this machine, and prerequisites."""
    from airunway.installation.prerequisites import PREREQUISITES
    from airunway.provider.registry import installed_providers

    return _words([*installed_providers(), *PREREQUISITES, *_listed("CONFIGS", params)], beginning)


def namespaces_like(params: Mapping[str, Any], beginning: str) -> list[str]:
    """Namespaces of the cluster."""
    return _words(_listed("NAMESPACES", params), beginning)


def contexts_like(params: Mapping[str, Any], beginning: str) -> list[str]:
    """Contexts of the kubeconfig."""
    kubeconfig = params.get("kubeconfig")
    try:
        found = read_contexts(Path(kubeconfig) if kubeconfig else None)
    except CliError:
        return []
    return _words(list(found.namespaces), beginning)


def prepare() -> None:
    """Have the library know the shells, before it answers one."""
    from typer._completion_classes import completion_init

    completion_init()


def kubectl_words(arguments: Sequence[str]) -> list[str]:
    """The words that may stand in place of the last argument, and what `kubectl` is to do with them.

    Its protocol is Cobra's: a word a line, then `:` and a number of bits; 4 means that files are no words.
    """
    import typer

    from airunway.cli.app import COMPLETION_VARIABLE, app

    prepare()
    from typer._completion_classes import BashComplete

    *before, beginning = arguments or [""]
    asked = BashComplete(typer.main.get_command(app), {}, "airunway", COMPLETION_VARIABLE)
    items = asked.get_completions(list(before), beginning)
    return [
        *(str(item.value) for item in items if _WORD.fullmatch(str(item.value)) or _is_option(item)),
        ":4",
    ]


def _is_option(item: Any) -> bool:
    return str(item.value).startswith("-")


def _words(names: list[str], beginning: str) -> list[str]:
    fitting = {name for name in names if name.startswith(beginning) and _WORD.fullmatch(name)}
    return sorted(fitting)[:MAX_NAMES]


def _listed(kind: str, params: Mapping[str, Any], *, in_namespace: bool = False) -> list[str]:
    """Names of objects."""
    return _answered(_names(kind, params, in_namespace=in_namespace))


def _answered(asking: Coroutine[Any, Any, list[str]]) -> list[str]:
    """What it answers; nothing where anything is in the way: no cluster, no right, no answer."""
    # Notes of a command would be printed between the words that the shell shows.
    with open("/dev/null", "w") as nowhere, contextlib.redirect_stderr(nowhere):
        try:
            return asyncio.run(asking)
        except Exception:
            return []


async def _names(kind: str, params: Mapping[str, Any], *, in_namespace: bool) -> list[str]:
    from airunway.clients import kubernetes

    async with _cluster(params) as (cluster, of_here):
        namespace = of_here if in_namespace else None
        pages = cluster.pages(getattr(kubernetes, kind), namespace=namespace, limit=MAX_NAMES)
        async for page in pages:  # the first is more than anybody reads
            return [str(obj["metadata"]["name"]) for obj in page.items]
    return []


async def _containers(params: Mapping[str, Any], name: str) -> list[str]:
    from airunway.cli.pod_logs import containers_of, pods_of
    from airunway.clients.kubernetes import DEPLOYMENTS

    async with _cluster(params) as (cluster, namespace):
        deployment = await cluster.get(DEPLOYMENTS, name, namespace=namespace)
        return [entry for pod in await pods_of(cluster, deployment) for entry in containers_of(pod)]


@contextlib.asynccontextmanager
async def _cluster(params: Mapping[str, Any]) -> AsyncIterator[tuple[Cluster, str]]:
    """The cluster that is named so far, and the namespace; not for longer than somebody waits."""
    from airunway.cli.cluster import namespace_for, settings_for
    from airunway.clients import kubernetes

    given = params.get("kubeconfig")
    settings = settings_for(Where(Path(given) if given else None, params.get("context")))
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        await kubernetes.Cluster.connect(settings.kubeconfig, context=settings.context) as cluster,
    ):
        yield cluster, namespace_for(settings, params.get("namespace"))
