"""A kind of upstream objects, as the API server serves it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UpstreamKind:
    """A kind that a provider creates, as the API server serves it."""

    api_version: str
    """Group and version, e.g. `kaito.sh/v1beta1`, or `v1` for the core group."""
    kind: str
    plural: str
    builtin: bool = False
    """Served by every cluster, so never missing."""

    @property
    def group(self) -> str:
        """API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """API version without its group."""
        return self.api_version.rpartition("/")[2]
