"""Shared prerequisites as their pages show them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from airunway.installation.commands import commands_of
from airunway.installation.metadata import ProviderMetadata
from airunway.installation.plan import plan_of
from airunway.installation.prerequisites import PREREQUISITES, Prerequisite
from airunway.installation.state import InstallationStatus, State
from airunway.messages.installation import Operation
from airunway.web.pages.deployment_view import ShownButton
from airunway.web.providers import ProviderStandings

NOT_INSTALLED = "it is not installed: install it"


@dataclass(frozen=True)
class ShownPrerequisite:
    """A prerequisite. `health`: good or open; `standing`: the same in a word or two."""

    id: str
    name: str
    description: str
    documentation: str
    health: str
    standing: str
    message: str
    is_installed: bool | None
    """None: that could not be read."""
    why_no_uninstall: str
    commands: list[str]


async def shown_prerequisites(standings: ProviderStandings) -> list[ShownPrerequisite]:
    """All of them."""
    known = PREREQUISITES.values()
    seen = await asyncio.gather(*(standings.of_prerequisite(one) for one in known))
    return [shown_prerequisite(one, *stands) for one, stands in zip(known, seen, strict=True)]


def shown_prerequisite(
    known: Prerequisite, metadata: ProviderMetadata, status: InstallationStatus
) -> ShownPrerequisite:
    """One of them, as it stands."""
    is_known = status.state is not State.PROBE_ERROR
    standing = "installed" if status.installed else "not installed"
    return ShownPrerequisite(
        id=known.id,
        name=known.name,
        description=known.description,
        documentation=known.documentation,
        health="good" if status.installed else "open",
        standing=standing if is_known else "not known",
        message=status.message,
        is_installed=status.installed if is_known else None,
        why_no_uninstall=known.why_no_uninstall,
        commands=commands_of(plan_of(metadata)),
    )


def prerequisite_operations(
    shown: ShownPrerequisite, *, is_allowed: bool, right: str, is_working: bool, obstacle: str = ""
) -> list[ShownButton]:
    """What may be asked for, and why not. `right`: the one that it takes; `obstacle`: why nobody would."""
    why = ""
    if not is_allowed:
        why = f"you may not {right}"
    elif is_working:
        why = "something is being done to it already"
    elif obstacle:
        why = obstacle
    absent = "" if shown.is_installed is not False else NOT_INSTALLED
    return [
        ShownButton(Operation.INSTALL.value, "Install", why),
        ShownButton(Operation.UPGRADE.value, "Upgrade", why or absent),
        ShownButton(Operation.UNINSTALL.value, "Uninstall", f"not from here: {shown.why_no_uninstall}"),
    ]
