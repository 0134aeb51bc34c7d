"""Warnings beside an answer: which there are of deprecated versions, and how much of them is sent.

Source: k8s.io/apiserver/pkg/endpoints/filters (warning.go) and k8s.io/apiextensions-apiserver (helpers of
apiextensions: the default text).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_MAX_RUNES = 4096  # of all texts; from there on each is cut off
_MAX_RUNES_OF_ONE = 256
_STABILITIES = {"alpha": 1, "beta": 2, None: 3}
_VERSION = re.compile(r"v([0-9]+)(?:(alpha|beta)([0-9]+))?")


def headers(texts: Iterable[str]) -> list[str]:
    """The values of `Warning` headers: each text once; where there are many, cut off, the last left out."""
    told = [text for text in dict.fromkeys(texts) if text and _is_plain(text)]
    if sum(map(len, told)) > _MAX_RUNES:
        told = _cut_off(told)
    return [_header(text) for text in told]


def _cut_off(texts: Iterable[str]) -> list[str]:
    kept: list[str] = []
    written = 0
    for text in texts:
        if written >= _MAX_RUNES:
            break
        kept.append(text[:_MAX_RUNES_OF_ONE])
        written += len(kept[-1])
    return kept


def _is_plain(text: str) -> bool:
    """Whether a header can hold it; others are left out."""
    return not any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text)


def _header(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'


def deprecation(spec: Mapping[str, Any], version: Mapping[str, Any]) -> str:
    """What each request of a version of a definition is told; empty for one that is not deprecated."""
    if not version.get("deprecated"):
        return ""
    if text := version.get("deprecationWarning"):
        return str(text)
    group, kind = spec["group"], spec["names"]["kind"]
    others = [
        other["name"]
        for other in spec["versions"]
        if other.get("served")
        and not other.get("deprecated")
        and _rank(other["name"]) > _rank(version["name"])
    ]
    words = f"{group}/{version['name']} {kind} is deprecated"
    return f"{words}; use {group}/{max(others, key=_rank)} {kind}" if others else words


def _rank(version: str) -> tuple[int, int, int]:
    """Kubernetes' order of versions: v2 after v1 after v1beta2; what is no such version comes before all."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (0, 0, 0)
    return (_STABILITIES[found[2]], int(found[1]), int(found[3] or 0))
