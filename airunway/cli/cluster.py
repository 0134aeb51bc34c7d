"""The settings of a command, with the cluster and the Temporal that it goes to (see `placing`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airunway.cli.output import note
from airunway.cli.placing import ANYWHERE, Where, namespace_at, place_of
from airunway.clients.kubernetes import Cluster
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.command_settings import CommandSettings
from airunway.workers.environment import read_command_settings, read_settings

if TYPE_CHECKING:
    from airunway.workers.settings import Settings

SomeSettings = TypeVar("SomeSettings", bound=CommandSettings)


def settings_for(where: Where = ANYWHERE, *, needs_cluster: bool = True) -> Settings:
    """The settings a command works with. Raises CliError when no cluster is named anywhere.

    `needs_cluster` false: Temporal alone will do.
    """
    return _placed(read_settings(), where, needs_cluster=needs_cluster)


def settings_for_a_look(where: Where = ANYWHERE) -> CommandSettings:
    """The same for a command that asks the cluster and Temporal, and decides nothing."""
    return _placed(read_command_settings(), where, needs_cluster=True)


def namespace_for(settings: CommandSettings, given: str | None) -> str:
    """The namespace that a command is about; see `namespace_at`."""
    return namespace_at(settings.kubeconfig, settings.context, given)


async def named_settings(where: Where = ANYWHERE) -> Settings:
    """The same with the cluster's name, which workflow ids begin with. Raises CliError, ClientError."""
    settings = settings_for(where)
    if settings.cluster:
        return settings
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        return await with_cluster_name(settings, cluster)


def _placed(settings: SomeSettings, where: Where, *, needs_cluster: bool) -> SomeSettings:
    place = place_of(settings.kubeconfig, settings.context, where, needs_cluster=needs_cluster)
    if place.remark:
        note(place.remark)
    return settings.model_copy(update=dict(place.settings))
