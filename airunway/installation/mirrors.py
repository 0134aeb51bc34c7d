"""Charts from elsewhere: a setting maps URL prefixes to other URLs or to folders.

For clusters without a way out, and for the sandbox, whose charts lie beside its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a chart is fetched from."""

    chart: str
    repository_url: str = ""


def mirrored(chart: str, repository_url: str, version: str, mirrors: Mapping[str, str]) -> Where:
    """A chart reference after the mirrors; the longest prefix that fits is taken.

    A classic repository that is mapped to a folder is looked for as `<folder>/<chart>-<version>.tgz`, and
    as the unpacked chart `<folder>/<chart>` where the mirror ends in `/`.
    """
    if repository_url:
        target = mirror_of(repository_url, mirrors)
        if target is None:
            return Where(chart=chart, repository_url=repository_url)
        if "://" in target:
            return Where(chart=chart, repository_url=target)
        name = chart.partition("/")[2]
        if target.endswith("/") or not version:
            return Where(chart=f"{target.rstrip('/')}/{name}")
        return Where(chart=f"{target}/{name}-{version}.tgz")
    return Where(chart=mirror_of(chart, mirrors) or chart)


def mirror_of(url: str, mirrors: Mapping[str, str]) -> str | None:
    """The URL or path that is used instead of a URL; None: it is used as it is."""
    fitting = [prefix for prefix in mirrors if url.startswith(prefix)]
    if not fitting:
        return None
    prefix = max(fitting, key=len)
    return mirrors[prefix] + url.removeprefix(prefix)
