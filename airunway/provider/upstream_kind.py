"""A kind of upstream objects, as the API server serves it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class UpstreamKind:
    """A kind that a provider creates, as the API server serves it."""

    api_version: str
    """Group and version, e.g. `kaito.sh/v1beta1`, or `v1` for the core group."""
    kind: str
    plural: str
    builtin: bool = False
    """Served by every cluster, so never missing."""
    older: tuple[str, ...] = ()
    """Other API versions of it, newest first, in which it is written where this one is not served."""

    @property
    def versions(self) -> tuple[UpstreamKind, ...]:
        """The kind in each of its API versions, newest first."""
        if not self.older:
            return (self,)
        return tuple(
            replace(self, api_version=api_version, older=())
            for api_version in (self.api_version, *self.older)
        )

    @property
    def group(self) -> str:
        """API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """API version without its group."""
        return self.api_version.rpartition("/")[2]
