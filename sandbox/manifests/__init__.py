"""Manifests of what the sandbox pretends to have installed, as package data."""

from __future__ import annotations

from importlib import resources


def read(name: str) -> str:
    """The text of one manifest."""
    return (resources.files(__name__) / name).read_text(encoding="utf-8")
