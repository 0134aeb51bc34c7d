"""What Helm, Kubernetes and registries say when something goes wrong. Pure; `classify` says what it means."""

from __future__ import annotations

import re


def _any_of(*texts: str) -> re.Pattern[str]:
    return re.compile("|".join(texts), re.IGNORECASE | re.DOTALL)


RENDERING = _any_of(
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
CHART_BROKEN = _any_of(
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
    r"chart dependencies processing failed",
)
SCHEMA = _any_of(r"don't meet the specifications of the schema", r"failed to validate .*schema")
NETWORK = _any_of(
    r"connection refused",
    r"connection reset",
    r"no such host",
    r"server misbehaving",
    r"network is unreachable",
    r"no route to host",
    r"i/o timeout",
    r"TLS handshake timeout",
    r"Client\.Timeout exceeded",
    r"unexpected EOF",
    r": EOF\b",
    r"broken pipe",
    r"proxyconnect",
)
CERTIFICATE = _any_of(r"x509:", r"certificate signed by unknown authority", r"tls: failed to verify")
BUSY = _any_of(
    r"\b429\b",
    r"\b50[0234]\b(?: |$)",
    r"too many requests",
    r"service unavailable",
    r"bad gateway",
    r"gateway timeout",
    r"internal server error",
)
NO_CHART = _any_of(
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
CHECKSUM = _any_of(
    r"digest mismatch",
    r"mismatch digest",
    r"checksum mismatch",
    r"mismatched digest",
    r"failed to verify digest",
    r"content does not match",
    r"another digest than announced",
    r"size mismatch|mismatch.*size",
)

# install.md §A7, in its order; the rest are Helm's own texts.
PERMISSION = _any_of(
    r"\bforbidden\b",
    r"\bcannot (?:create|update|patch|delete|get|list|watch)\b",
    r"attempting to grant RBAC permissions not currently held",
    r"\brequires\b.*\b(?:permission|privilege)",
)
OWNERSHIP = _any_of(
    r"invalid ownership metadata",
    r"cannot be imported into the current release",
    r'missing key "app\.kubernetes\.io/managed-by"',
    r'missing key "meta\.helm\.sh/release-name"',
    r"conflict occurred while applying object",
    r"Apply failed with \d+ conflict",
)
IN_PROGRESS = _any_of(
    r"another operation \([a-z/]+\) is in progress",
    r"release: already exists",
    r"cannot reuse a name that is still in use",
    r'secrets "sh\.helm\.release\.v1\.[^"]+" already exists',
    r"the object has been modified; please apply your changes to the latest version",
)
NO_RELEASE = _any_of(
    r"release: not found",
    r"release not loaded",
    r"has no deployed releases",
    r"release has no \d+ version",
    r"no revision for release",
)
HOOK = _any_of(
    r"failed (?:pre|post)-(?:install|upgrade)",
    r"(?:pre|post)-(?:install|upgrade|rollback|delete) hooks failed",
    r"warning: hook \S+ \S+ failed",
    r"job \S+ failed",
)
CLUSTER_BUSY = _any_of(
    r"etcdserver: ",
    r"failed calling webhook",
    r"no endpoints available for service",
    r"the server is currently unable to handle the request",
    r"the server was unable to return a response in the time allotted",
    r"unable to retrieve the complete list of server APIs",
    r"the server has received too many requests",
    r"internal error occurred",
)
TIMED_OUT = _any_of(r"timed out", r"context deadline exceeded")
CONFIGURATION = _any_of(
    r"cluster unreachable: (?:stat|open|error loading config|invalid configuration|yaml|context)",
    r'context "[^"]*" does not exist',
    r"no configuration has been provided",
)
CREDENTIALS = _any_of(r"provide credentials", r"\bUnauthorized\b", r"getting credentials: exec")
AWAY = _any_of(r"cluster reachability check failed", r"cluster unreachable")
NAMESPACE_GOES = _any_of(r"because it is being terminated")
