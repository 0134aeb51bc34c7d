"""What can go wrong with Helm, by what the caller should do about it.

    HelmError (ClientError)         anything else Helm says                                    final
    ├── ChartNotFound               no such chart or version, or the registry wants a login    final
    ├── RepositoryUnreachable       no answer from a chart repository or registry, 429, 5xx
    ├── BadChecksum                 the archive is not what its index or digest says            final
    ├── ChartInvalid                no chart, does not render, or its objects are refused       final
    ├── ValuesInvalid               values against the chart's schema; `paths`                  final
    ├── HelmForbidden               a right is missing                                          final
    ├── OwnershipConflict           an object belongs to another tool or release                final
    ├── OperationInProgress         another operation runs, or one was cut off: see `repair`
    ├── ReleaseNotFound             no such release or revision                                 final
    ├── ReleaseFailed               a hook failed, or objects never became ready; `cause`       final
    ├── ClusterUnavailable          the API server, or a webhook it calls, does not answer
    ├── TimedOut                    the operation took too long
    ├── HelmCrashed                 the process died without an answer
    ├── UnreadableRecord            a Secret that claims to be a release's record is none       final
    ├── HelmMissing                 no Helm to run: library or command                          final
    └── Cancelled                   somebody ended the process; nothing is known to be wrong

Messages name the release or chart and what to do; secrets in values are taken out beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

from airunway.clients.errors import ClientError


class HelmError(ClientError):
    """Helm refused or failed. `detail` is what it said."""

    retryable = False

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class ChartNotFound(HelmError):
    """There is no such chart or version, or it is not for everybody."""


class RepositoryUnreachable(HelmError):
    """The chart repository or registry does not answer."""

    retryable = True


class BadChecksum(HelmError):
    """What was downloaded has another digest than announced; a retry gives the same."""


class ChartInvalid(HelmError):
    """The chart cannot be loaded or rendered, or what it renders is not acceptable."""


class ValuesInvalid(HelmError):
    """The values do not fit the chart's schema."""

    def __init__(self, message: str, *, detail: str = "", paths: Sequence[str] = ()) -> None:
        super().__init__(message, detail=detail)
        self.paths = tuple(paths)
        """JSON pointers of what does not fit, e.g. `/image/tag`; `/` is the whole document."""


class HelmForbidden(HelmError):
    """The account Helm acts as lacks a right (install.md §A7, §A15)."""


class OwnershipConflict(HelmError):
    """An object the chart wants to write belongs to somebody else (install.md §A7)."""

    def __init__(
        self,
        message: str,
        *,
        detail: str = "",
        kind: str = "",
        name: str = "",
        namespace: str = "",
        owner: str = "",
    ) -> None:
        super().__init__(message, detail=detail)
        self.kind = kind
        self.name = name
        self.namespace = namespace
        """Empty for an object without a namespace, or when Helm did not say."""
        self.owner = owner
        """The release or field manager that has it, if Helm said so."""


class OperationInProgress(HelmError):
    """Another operation on the release is running, or was cut off; `Helm.repair` repairs the latter."""

    retryable = True


class UnreadableRecord(HelmError):
    """A Secret that claims to be a release of Helm is not one, or holds more than one does."""


class ReleaseNotFound(HelmError):
    """There is no release of that name, or no such revision."""


class ReleaseFailed(HelmError):
    """The release was written, and then a hook failed or an object never became ready."""

    def __init__(self, message: str, *, detail: str = "", cause: str = "", rolled_back: bool = False) -> None:
        super().__init__(message, detail=detail)
        self.cause = cause
        """The object and its condition, in Helm's words."""
        self.rolled_back = rolled_back
        """Whether Helm put back what was there before."""


class ClusterUnavailable(HelmError):
    """The API server, or a webhook or API service behind it, does not answer."""

    retryable = True


class TimedOut(HelmError):
    """The operation did not end in time."""

    retryable = True


class HelmCrashed(HelmError):
    """The process died without an answer; the release may be left pending."""

    retryable = True


class HelmMissing(HelmError):
    """Neither the library nor the command can be run."""


class Cancelled(HelmError):
    """The process was asked to end by somebody else than the caller."""

    retryable = True
