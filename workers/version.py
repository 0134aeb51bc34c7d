"""The version of this installation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """The installed package's version, with a leading `v`; `dev` when it is not installed."""
    try:
        return f"v{version('airunway-temporal')}"
    except PackageNotFoundError:
        return "dev"
