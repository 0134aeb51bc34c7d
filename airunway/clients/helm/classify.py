"""From what Helm said to an error. Pure: tables of Helm's and Kubernetes' texts (install.md §A7 and Helm 4).

Which table counts depends on the step: a registry's "403 Forbidden" is no missing right in the cluster,
and a chart may say anything in a message of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from airunway.clients.helm import error_patterns, errors
from airunway.clients.helm.errors import HelmError


class HelmStep(StrEnum):
    """What was being done."""

    CHART = "chart"
    """Getting and reading the chart."""
    RELEASE = "release"
    """Rendering it, and reading or changing the cluster."""


@dataclass(frozen=True, kw_only=True)
class HelmFailure:
    """What Helm answered instead of a result."""

    text: str
    step: HelmStep = HelmStep.RELEASE
    code: str = ""
    """The library's kind of error, e.g. `KUBE`; the command has none."""


STOPPED = "STOPPED"
"""The code of an operation that ended because the process was asked to end, whatever Helm said then."""

Maker = Callable[[str, str], HelmError]
"""From the subject (`release web in namespace shop`) and Helm's text."""


def classify(failure: HelmFailure, *, subject: str) -> HelmError:
    """The error for a failure."""
    text = failure.text.strip() or "no reason given"
    if failure.code == STOPPED:
        return _stopped(subject, text)
    table = _CHART if failure.step is HelmStep.CHART else _RELEASE
    for pattern, make in table:
        if pattern.search(text):
            return make(subject, text)
    by_code = _BY_CODE.get(failure.code)
    return by_code(subject, text) if by_code else _other(subject, text)


def _make(kind: type[HelmError], says: str, *, advice: str = "") -> Maker:
    def make(subject: str, text: str) -> HelmError:
        end = f" ({advice})" if advice else ""
        return kind(f"{subject}: {says}{end}: {text}", detail=text)

    return make


def _other(subject: str, text: str) -> HelmError:
    return HelmError(f"{subject}: {text}", detail=text)


_POINTERS = re.compile(r"^\s*- at '([^']*)'", re.MULTILINE)


def _values_invalid(subject: str, text: str) -> HelmError:
    paths = [path or "/" for path in _POINTERS.findall(text)]
    where = f" at {', '.join(paths)}" if paths else ""
    return errors.ValuesInvalid(
        f"{subject}: the values do not fit the chart's schema{where}: {text}", detail=text, paths=paths
    )


_EXISTS = re.compile(r'(?P<kind>[A-Za-z][\w.]*) "(?P<name>[^"]+)" in namespace "(?P<namespace>[^"]*)" exists')
_RELEASE_NAME = re.compile(r'release-name" must equal "[^"]*": current value is "([^"]*)"')
_MANAGED_BY = re.compile(r'managed-by" must equal "[^"]*": current value is "([^"]*)"')
_APPLY_OBJECT = re.compile(r"conflict occurred while applying object (?:(\S*)/)?(\S+) \S+, Kind=(\w+)")
_APPLY_OWNER = re.compile(r'conflicts? with "([^"]+)"')


def _ownership(subject: str, text: str) -> HelmError:
    if found := _EXISTS.search(text):
        kind, name, namespace = found["kind"], found["name"], found["namespace"]
        owner = next((match[1] for p in (_RELEASE_NAME, _MANAGED_BY) if (match := p.search(text))), "")
    else:
        applied, manager = _APPLY_OBJECT.search(text), _APPLY_OWNER.search(text)
        namespace, name, kind = (applied[1] or "", applied[2], applied[3]) if applied else ("", "", "")
        owner = manager[1] if manager else ""
    what = f'{kind} "{name}"' + (f' in namespace "{namespace}"' if namespace else "") if name else "an object"
    whose = f" ({owner})" if owner else ""
    return errors.OwnershipConflict(
        f"{subject}: {what} belongs to another tool or release{whose}; "
        "remove that one, or use what it installed",
        detail=text,
        kind=kind,
        name=name,
        namespace=namespace,
        owner=owner,
    )


_NOT_READY = re.compile(r"resource \S+ (?:not ready|still exists)\. status: [^\n]*", re.IGNORECASE)
_ROLLED_BACK = re.compile(
    r"has been (?:uninstalled|rolled back) due to (?:atomic|rollback-on-failure)", re.IGNORECASE
)


def _release_failed(subject: str, text: str) -> HelmError:
    lines = [line.strip() for line in _NOT_READY.findall(text)]
    cause = "; ".join(dict.fromkeys(lines)) or text.splitlines()[-1].strip()
    rolled_back = bool(_ROLLED_BACK.search(text))
    after = "; what was there before was put back" if rolled_back else ""
    return errors.ReleaseFailed(
        f"{subject}: {_phase(text)}: {cause}{after}", detail=text, cause=cause, rolled_back=rolled_back
    )


_PHASE = re.compile(
    r"(?:failed |hook )(pre-install|post-install|pre-upgrade|post-upgrade|pre-rollback|post-rollback"
    r"|pre-delete|post-delete)|((?:pre|post)-(?:install|upgrade|rollback|delete)) hooks failed",
    re.IGNORECASE,
)


def _phase(text: str) -> str:
    found = _PHASE.search(text)
    return f"a {found[1] or found[2]} hook failed" if found else "not ready in time"


_stopped = _make(errors.Cancelled, "it was cancelled")
_broken = _make(errors.ChartInvalid, "the chart cannot be used")
_no_answer = _make(errors.ClusterUnavailable, "the API server does not answer")

_CHART: tuple[tuple[re.Pattern[str], Maker], ...] = (
    (error_patterns.CHECKSUM, _make(errors.BadChecksum, "the download is not what was announced")),
    (error_patterns.CERTIFICATE, _make(HelmError, "its certificate is not trusted")),
    (error_patterns.BUSY, _make(errors.RepositoryUnreachable, "the repository is overloaded or failed")),
    (error_patterns.NETWORK, _make(errors.RepositoryUnreachable, "the repository does not answer")),
    (error_patterns.TIMED_OUT, _make(errors.RepositoryUnreachable, "the repository is too slow")),
    (error_patterns.CHART_BROKEN, _broken),
    (error_patterns.NO_CHART, _make(errors.ChartNotFound, "there is no such chart, or it wants a login")),
)
_RELEASE: tuple[tuple[re.Pattern[str], Maker], ...] = (
    (error_patterns.SCHEMA, _values_invalid),
    (error_patterns.RENDERING, _make(errors.ChartInvalid, "the chart does not render for this cluster")),
    (error_patterns.CHART_BROKEN, _broken),
    (
        error_patterns.NAMESPACE_GOES,
        _make(errors.OperationInProgress, "its namespace is being deleted; wait for its end"),
    ),
    (
        error_patterns.PERMISSION,
        _make(
            errors.HelmForbidden,
            "a right is missing",
            advice="apply the optional installer RBAC, or run the shown commands with an account that has it",
        ),
    ),
    (error_patterns.OWNERSHIP, _ownership),
    (
        error_patterns.IN_PROGRESS,
        _make(
            errors.OperationInProgress,
            "another operation is in progress, or was cut off",
            advice="repair it when none is",
        ),
    ),
    (_NOT_READY, _release_failed),
    (error_patterns.HOOK, _release_failed),
    (error_patterns.NO_RELEASE, _make(errors.ReleaseNotFound, "there is no such release or revision")),
    (error_patterns.CLUSTER_BUSY, _no_answer),
    (error_patterns.CONFIGURATION, _make(HelmError, "the kubeconfig cannot be used")),
    (
        error_patterns.CREDENTIALS,
        _make(errors.ClusterUnavailable, "the API server does not accept the credentials"),
    ),
    (error_patterns.AWAY, _no_answer),
    (error_patterns.TIMED_OUT, _make(errors.TimedOut, "it did not end in time")),
    (error_patterns.CERTIFICATE, _make(HelmError, "the API server's certificate is not trusted")),
    (error_patterns.NETWORK, _no_answer),
)

_BY_CODE: dict[str, Maker] = {
    "CHART_LOAD": _broken,
    "CHART_INVALID": _broken,
    "VALUES": _make(errors.ValuesInvalid, "the values cannot be used"),
    "RENDER": _make(errors.ChartInvalid, "the chart does not render"),
    "MISSING": _make(errors.HelmMissing, "Helm cannot be run"),
    "NOT_FOUND": _make(errors.ReleaseNotFound, "there is no such release or revision"),
    "PANIC": _make(errors.HelmCrashed, "Helm failed inside"),
}
