"""`airunway crds`: print AI Runway's CustomResourceDefinitions, or install them."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async


def crds(
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Install them in the cluster (server-side apply).")
    ] = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Print or install the resource definitions.

    The output is for `kubectl apply --server-side -f -`; --apply does the same without kubectl, and makes the
    namespace of the watcher's Lease.
    """
    from airunway.api.crd import manifests
    from airunway.cli import output

    if apply:
        run_async(_apply(Where(kubeconfig, context)))
        return
    output.machine_text("---\n".join(manifests().values()))


async def _apply(where: Where) -> None:
    from airunway.cli import output
    from airunway.cli.cluster import settings_for
    from airunway.clients.crds import apply_own_crds
    from airunway.clients.kubernetes import NAMESPACES, Cluster

    settings = settings_for(where)
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        for name in await apply_own_crds(cluster):
            output.line(f"customresourcedefinition {name} applied")
        for namespace in (settings.pod_namespace, settings.installer_namespace):
            if await cluster.find(NAMESPACES, namespace) is None:
                await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
                output.line(f"namespace {namespace} created")
