"""The quick way from the words to the list. See the package's head for what goes it and what does not."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

from airunway.api.names import UID_NAMESPACE, cluster_name_from
from airunway.cli import output
from airunway.cli.placing import Where, namespace_at
from airunway.cli.quick.cluster import PlainCluster
from airunway.cli.quick.settings import PlainSettings, placed, read_plain_settings
from airunway.cli.quick.visibility import PlainVisibility
from airunway.cli.quick.words import ListWords
from airunway.cli.status_list import print_list
from airunway.console.fleet_troubles import Troubles, paused_among, workflow_troubles

PATIENCE_SECONDS = 3.0
"""For the whole list; the general way is patient."""


def show_list(words: ListWords) -> bool:
    """Whether the list was shown; False: not a letter of it."""
    try:
        settings, remark = placed(read_plain_settings(), Where(words.kubeconfig, words.context))
        namespace = None
        if not words.everywhere:
            namespace = namespace_at(settings.kubeconfig, settings.context, words.namespace)
        cluster, found, troubles = asyncio.run(_read(settings, namespace))
    except Exception:
        return False
    if remark:
        output.note(remark)
    print_list(found, troubles, cluster=cluster, namespace=namespace, form=words.form, target=settings)
    return True


async def _read(settings: PlainSettings, namespace: str | None) -> tuple[str, list[dict[str, Any]], Troubles]:
    """The cluster's name, its deployments, and what is the matter with their workflows."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        cluster = PlainCluster(settings.kubeconfig, settings.context)
        reading = asyncio.create_task(asyncio.to_thread(_name_and_list, cluster, settings.cluster, namespace))
        try:
            visibility = PlainVisibility(settings)
            await visibility.connect()
        finally:
            name, found = await reading
        of_all = await workflow_troubles(found, visibility.find, cluster=name, namespace=namespace)
    return name, found, {**paused_among(found), **of_all}


def _name_and_list(
    cluster: PlainCluster, name: str, namespace: str | None
) -> tuple[str, list[dict[str, Any]]]:
    """`name`: empty where the settings say none."""
    with closing(cluster):
        named = name or cluster_name_from(cluster.uid_of_namespace(UID_NAMESPACE))
        return named, cluster.deployments(namespace)
