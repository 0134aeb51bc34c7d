"""From what Helm said to an error. Pure: tables of Helm's and Kubernetes' texts (install.md A7 and Helm 4).

Which table counts depends on the step: a registry's "403 Forbidden" is no missing right in the cluster,
and a chart may say anything in a message of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from clients.helm import errors
from clients.helm.errors import HelmError


class Step(StrEnum):
    """What was being done."""

    CHART = "chart"
    """Getting and reading the chart."""
    RELEASE = "release"
    """Rendering it, and reading or changing the cluster."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What Helm answered instead of a result."""

    text: str
    step: Step = Step.RELEASE
    code: str = ""
    """The library's kind of error, e.g. `KUBE`; the command has none."""


Maker = Callable[[str, str], HelmError]
"""From the subject (`release web in namespace shop`) and Helm's text."""


def classify(failure: Failure, *, subject: str) -> HelmError:
    """The error for a failure."""
    text = failure.text.strip() or "no reason given"
    table = _CHART if failure.step is Step.CHART else _RELEASE
    for pattern, make in table:
        if pattern.search(text):
            return make(subject, text)
    by_code = _BY_CODE.get(failure.code)
    return by_code(subject, text) if by_code else _other(subject, text)


def _pattern(*texts: str) -> re.Pattern[str]:
    return re.compile("|".join(texts), re.IGNORECASE | re.DOTALL)


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


_RENDERING = _pattern(
    r"execution error at \(",
    r"parse error at \(",
    r"template: \S+:\d+",
    r"YAML parse error on",
    r"error converting YAML to JSON",
    r"error unmarshaling JSON",
    r"unable to build kubernetes objects",
    r"unable to recognize",
    r"resource mapping not found",
    r"no matches for kind",
    r"chart requires kubeVersion",
    r"failed to render",
)
_CHART_BROKEN = _pattern(
    r"Chart\.yaml file is missing",
    r"cannot load Chart\.yaml",
    r"chart metadata is missing",
    r"missing in charts/ directory",
    r"validation: chart\.metadata",
    r"validation: more than one dependency",
    r"file .* does not appear to be a (valid|gzipped) archive",
    r"gzip: invalid header",
    r"not a valid chart(?! repository)",
    r"chart (?:illegally|contains)",
    r"invalid chart",
    r"cannot be (?:read|loaded) as a chart",
    r"unexpected EOF",
    r"chart dependencies processing failed",
)
_SCHEMA = _pattern(r"don't meet the specifications of the schema", r"failed to validate .*schema")
_NETWORK = _pattern(
    r"connection refused",
    r"connection reset",
    r"no such host",
    r"server misbehaving",
    r"network is unreachable",
    r"no route to host",
    r"i/o timeout",
    r"TLS handshake timeout",
    r"Client\.Timeout exceeded",
    r"context deadline exceeded",
    r"unexpected EOF while",
    r": EOF\b",
    r"broken pipe",
    r"proxyconnect",
    r"cluster reachability check failed",
    r"cluster unreachable",
)
_CERTIFICATE = _pattern(r"x509:", r"certificate signed by unknown authority", r"tls: failed to verify")
_BUSY = _pattern(
    r"\b429\b",
    r"\b50[0234]\b(?: |$)",
    r"too many requests",
    r"service unavailable",
    r"bad gateway",
    r"gateway timeout",
    r"internal server error",
)
_NO_CHART = _pattern(
    r"\b404\b",
    r"\b40[13]\b",
    r"not found",
    r"no such file or directory",
    r"no chart (?:name|version) found",
    r"no cached repo found",
    r"manifest unknown",
    r"name unknown",
    r"unauthorized",
    r"denied",
    r"invalid[ _](?:reference|tag|version|repository)",
    r"could not find protocol handler",
    r"unsupported protocol scheme",
    r"improper constraint",
    r"non-absolute URLs should be in form",
    r"does not (?:exist|contain)",
    r"path .* not found",
    r"repo .* not found",
    r"unable to locate any tags",
    r"could not locate a version",
)
_CHECKSUM = _pattern(
    r"digest mismatch",
    r"mismatch digest",
    r"checksum mismatch",
    r"mismatched digest",
    r"failed to verify digest",
    r"content does not match",
    r"another digest than announced",
    r"size mismatch|mismatch.*size",
)

# install.md A7, in its order; the rest are Helm's own texts.
_PERMISSION = _pattern(
    r"\bforbidden\b",
    r"\bcannot (?:create|update|patch|delete|get|list|watch)\b",
    r"attempting to grant RBAC permissions not currently held",
    r"\brequires\b.*\b(?:permission|privilege)",
)
_OWNERSHIP = _pattern(
    r"invalid ownership metadata",
    r"cannot be imported into the current release",
    r'missing key "app\.kubernetes\.io/managed-by"',
    r'missing key "meta\.helm\.sh/release-name"',
    r"conflict occurred while applying object",
    r"Apply failed with \d+ conflict",
)
_IN_PROGRESS = _pattern(
    r"another operation \(install/upgrade/rollback\) is in progress",
    r"release: already exists",
    r"cannot reuse a name that is still in use",
    r'secrets "sh\.helm\.release\.v1\.[^"]+" already exists',
    r"the object has been modified; please apply your changes to the latest version",
)
_NO_RELEASE = _pattern(
    r"release: not found",
    r"release not loaded",
    r"has no deployed releases",
    r"release has no \d+ version",
    r"no revision for release",
)
_HOOK = _pattern(
    r"failed (?:pre|post)-(?:install|upgrade)",
    r"(?:pre|post)-(?:install|upgrade|rollback|delete) hooks failed",
    r"warning: hook \S+ \S+ failed",
    r"job \S+ failed",
)
_CLUSTER_BUSY = _pattern(
    r"etcdserver: ",
    r"failed calling webhook",
    r"no endpoints available for service",
    r"the server is currently unable to handle the request",
    r"the server was unable to return a response in the time allotted",
    r"unable to retrieve the complete list of server APIs",
    r"the server has received too many requests",
    r"internal error occurred",
)
_TIMED_OUT = _pattern(r"timed out", r"context deadline exceeded", r"context canceled")
_NAMESPACE_GOES = _pattern(r"because it is being terminated")

_broken = _make(errors.ChartInvalid, "the chart cannot be used")
_no_answer = _make(errors.ClusterUnavailable, "the API server does not answer")

_CHART: tuple[tuple[re.Pattern[str], Maker], ...] = (
    (_CHECKSUM, _make(errors.BadChecksum, "the download is not what was announced")),
    (_CERTIFICATE, _make(HelmError, "its certificate is not trusted")),
    (_BUSY, _make(errors.RepositoryUnreachable, "the repository is overloaded or failed")),
    (_NETWORK, _make(errors.RepositoryUnreachable, "the repository does not answer")),
    (_CHART_BROKEN, _broken),
    (_NO_CHART, _make(errors.ChartNotFound, "there is no such chart, or it wants a login")),
)
_RELEASE: tuple[tuple[re.Pattern[str], Maker], ...] = (
    (_SCHEMA, _values_invalid),
    (_RENDERING, _make(errors.ChartInvalid, "the chart does not render for this cluster")),
    (_CHART_BROKEN, _broken),
    (_NAMESPACE_GOES, _make(errors.OperationInProgress, "its namespace is being deleted; wait for its end")),
    (
        _PERMISSION,
        _make(
            errors.Forbidden,
            "a right is missing",
            advice="apply the optional installer RBAC, or run the shown commands with an account that has it",
        ),
    ),
    (_OWNERSHIP, _ownership),
    (
        _IN_PROGRESS,
        _make(
            errors.OperationInProgress,
            "another operation is in progress, or was cut off",
            advice="repair it when none is",
        ),
    ),
    (_NOT_READY, _release_failed),
    (_HOOK, _release_failed),
    (_NO_RELEASE, _make(errors.ReleaseNotFound, "there is no such release or revision")),
    (_CLUSTER_BUSY, _no_answer),
    (_TIMED_OUT, _make(errors.TimedOut, "it did not end in time")),
    (_CERTIFICATE, _make(HelmError, "the API server's certificate is not trusted")),
    (_NETWORK, _no_answer),
)

_BY_CODE: dict[str, Maker] = {
    "CANCELLED": _make(errors.Cancelled, "it was cancelled"),
    "CHART_LOAD": _broken,
    "CHART_INVALID": _broken,
    "VALUES": _make(errors.ValuesInvalid, "the values cannot be used"),
    "RENDER": _make(errors.ChartInvalid, "the chart does not render"),
    "MISSING": _make(errors.HelmMissing, "Helm cannot be run"),
    "NOT_FOUND": _make(errors.ReleaseNotFound, "there is no such release or revision"),
    "PANIC": _make(errors.HelmCrashed, "Helm failed inside"),
}
