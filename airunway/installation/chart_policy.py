"""What is trusted to say what is installed, and from where it may come. Pure.

A config in the cluster is not: whoever may edit it would decide what runs with the installer's rights. What
counts is the provider's package in the installer's environment, and over it what an administrator sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from airunway.api import names
from airunway.installation.fields import Json

_ODD = ("/../", "/./", "/..;", "/.;", "//", "%2e", "%2f", "%5c", "%25", "%00")
_PORTS = {"https": 443, "oci": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class ChartPolicy:
    """An administrator's settings.

    sources: beginnings of URLs that charts and CRD files may come from; none: any that is trusted otherwise.
    digests: `repository/chart version`, or the URL of a chart, to the digest of its archive.
    digests_required: whether a chart without a digest is refused.
    mirrors: see `mirrors`.
    """

    sources: Sequence[str] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    digests_required: bool = False
    mirrors: Mapping[str, str] = field(default_factory=dict)

    def allows(self, url: str) -> bool:
        """Whether something may be fetched there, mirrors apart."""
        return not self.sources or any(is_below(url, source) for source in self.sources)


def trusted_config(
    provider: str, *, given: Json | None, annotations: Mapping[str, str] | None, spec: Json | None
) -> dict[str, Any] | None:
    """A config as the package or the administrator says it; None: neither says anything.

    given: what an administrator wants installed, in the form of `airunway.ai/installation`, with `health` in
        the form of `airunway.ai/health`.
    annotations, spec: what the provider's package registers; None without a package.
    """
    if given is None and annotations is None:
        return None
    said = dict(annotations or {})
    if given is not None:
        installation = {key: value for key, value in given.items() if key != "health"}
        said[names.ANNOTATION_INSTALLATION] = json.dumps(installation)
        if "health" in given:
            said[names.ANNOTATION_HEALTH] = json.dumps(given["health"])
    return {"metadata": {"name": provider, "annotations": said}, "spec": dict(spec or {})}


def is_below(url: str, source: str) -> bool:
    """Whether a URL is a source or lies below it: same scheme, host and port, whole segments of the path."""
    try:
        wanted, given = urlsplit(source), urlsplit(url)
        if _origin(wanted) != _origin(given):
            return False
    except ValueError:
        return False
    is_odd = any(sign in given.path.lower() for sign in _ODD)
    if is_odd or "\\" in url or not url.isprintable() or given.port == 0:
        return False  # servers, and libraries, differ in what they make of these
    above = wanted.path.rstrip("/")
    path = given.path.rstrip("/")
    return not path.endswith("/..") and (path == above or path.startswith(f"{above}/"))


def _origin(url: SplitResult) -> tuple[str, str, int]:
    return url.scheme, (url.hostname or "").rstrip("."), url.port or _PORTS.get(url.scheme, 0)
