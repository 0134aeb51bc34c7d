"""What a list answers. Apart so that whoever handles lists need not know the client."""

from __future__ import annotations

from dataclasses import dataclass

from airunway.clients.kubernetes.kinds import Object

PAGE = 500
"""Objects of a list that are asked for at a time."""


@dataclass(frozen=True)
class Listing:
    """A list answer."""

    items: list[Object]
    resource_version: str
