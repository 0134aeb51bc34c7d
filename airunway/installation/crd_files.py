"""What becomes of a file of CRDs that stands by itself, by what the cluster has of it. Pure.

CRDs that somebody else brought are used as they are: a managed cluster renews its own, and a controller may
need just those. A version is never taken back, as objects may use what only the newer one has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from airunway.api.chart_release import ChartAction, ChartRelease
from airunway.installation.crds import INSTALLED_FOR, owner_of

_ANYBODYS_VERSION = "app.kubernetes.io/version"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?")

Manifest = Mapping[str, Any]
Live = Mapping[str, Manifest | None]
"""CRDs by name; None: it is not there."""


class NotTouched(ValueError):
    """It is left as it is, and cannot be used so, or was to be changed. The message says whose it is."""


class NothingThere(ValueError):
    """There is nothing to upgrade."""


def what_to_do(file: ChartRelease, live: Live, *, owner: str, is_upgrade: bool) -> ChartRelease:
    """The file with its action. `live`: of `file.crds`. Raises NotTouched, NothingThere.

    owner: who installs it, as INSTALLED_FOR has it. is_upgrade: a person asked for another version.
    """
    there = {name: crd for name, crd in live.items() if crd is not None}
    if not there:
        if is_upgrade:
            raise NothingThere(f"nothing of {file.title} is installed")
        return file.to_do(ChartAction.INSTALL, "none of its CRDs is there")
    versions = [version_of(crd, file.version_annotation) for crd in there.values()]
    version = max(versions, key=_rank)
    seen = file.recorded(version=version, status="installed", revision=0)
    missing = [name for name in live if name not in there]
    theirs = [crd for crd in there.values() if not is_ours(crd, owner)]
    whose = _owners(theirs)
    newer = is_newer(version, file.version)
    if theirs or newer:
        words = f"{version or 'an unknown version'} of {whose or owner} is there"
        if missing:
            raise NotTouched(
                f"{file.release}: {words}, without {', '.join(missing)}; versions are not mixed: whoever "
                f"installed it installs the rest"
            )
        if is_upgrade and version != file.version:
            what = "taken back to" if newer else "changed to"
            raise NotTouched(f"{file.release}: {words}, and is not {what} {file.version} from here")
        action = ChartAction.EXTERNALLY_MANAGED if theirs else ChartAction.NONE
        return seen.to_do(action, f"{words}, and is used as it is")
    if missing:
        return seen.to_do(ChartAction.REINSTALL, f"{', '.join(missing)} is gone")
    others = [one or "an unknown version" for one in versions if one != file.version]
    if others:
        return seen.to_do(ChartAction.UPGRADE, f"{others[0]} is installed")
    return seen.to_do(ChartAction.NONE, f"{version} is installed")


def may_be_written(crd: Manifest, live: Manifest | None, *, annotation: str, owner: str) -> bool:
    """Whether one CRD of a file may be applied over what is there now."""
    if live is None:
        return True
    is_older = is_newer(version_of(live, annotation), version_of(crd, annotation))
    return is_ours(live, owner) and not is_older


def is_ours(crd: Manifest, owner: str) -> bool:
    """Whether a live CRD was applied here, for this."""
    return (_metadata(crd).get("labels") or {}).get(INSTALLED_FOR) == owner


def version_of(crd: Manifest, annotation: str) -> str:
    """What a CRD says of its version: the first annotation that is not empty, if any (install.md §A14.2)."""
    annotations = _metadata(crd).get("annotations") or {}
    return next((annotations[key] for key in (annotation, _ANYBODYS_VERSION) if annotations.get(key)), "")


def is_newer(version: str, other: str) -> bool:
    """Whether a version is later than another. One that nobody can read is not."""
    return bool(_VERSION.fullmatch(version)) and _rank(version) > _rank(other)


def _rank(version: str) -> tuple[tuple[int, ...], bool, str]:
    match = _VERSION.fullmatch(version)
    if match is None:
        return (), False, ""
    numbers = tuple(int(part) for part in match.groups()[:3])
    return numbers, match[4] is None, match[4] or ""  # what is released comes after its candidates


def _owners(crds: Iterable[Manifest]) -> str:
    return ", ".join(dict.fromkeys(_owner(crd) for crd in crds))


def _owner(crd: Manifest) -> str:
    installed_for = (_metadata(crd).get("labels") or {}).get(INSTALLED_FOR)
    if installed_for:
        return f"the installation of {installed_for}"
    return owner_of(crd) or "somebody else"


def _metadata(crd: Manifest) -> Mapping[str, Any]:
    return crd.get("metadata") or {}
