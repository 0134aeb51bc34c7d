"""Charts from elsewhere: a setting maps URL prefixes to other URLs or to folders.

For clusters without a way out, and for the sandbox, whose charts lie beside its code.
"""

from __future__ import annotations

from collections.abc import Mapping


def mirrored(chart: str, repository_url: str, version: str, mirrors: Mapping[str, str]) -> tuple[str, str]:
    """A chart's reference and its repository's URL after the mirrors; the longest prefix that fits counts.

    A classic repository that is mapped to a folder is looked for as `<folder>/<chart>-<version>.tgz`, and
    as the unpacked chart `<folder>/<chart>` where the mirror ends in `/`.
    """
    if repository_url:
        target = mirror_of(repository_url, mirrors)
        if target is None:
            return chart, repository_url
        if "://" in target:
            return chart, target
        name = chart.partition("/")[2]
        if target.endswith("/") or not version:
            return f"{target.rstrip('/')}/{name}", ""
        return f"{target}/{name}-{version}.tgz", ""
    return mirror_of(chart, mirrors) or chart, ""


def mirror_of(url: str, mirrors: Mapping[str, str]) -> str | None:
    """The URL or path that is used instead of a URL; None: it is used as it is."""
    fitting = [prefix for prefix in mirrors if url.startswith(prefix)]
    if not fitting:
        return None
    prefix = max(fitting, key=len)
    return mirrors[prefix] + url.removeprefix(prefix)
