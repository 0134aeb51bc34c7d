"""What somebody keeps in a registry about an image: signatures, attestations, bills of materials.

Some are found by a tag that is made of the image's digest, as cosign does it; others name the image as their
subject, and the registry, or a list under such a tag, tells of them (OCI 1.1, referrers). Apart from
`signatures`, which reads what some of them say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from airunway.clients.registry.errors import ImageNotFound
from airunway.clients.registry.http import RegistryCalls
from airunway.clients.registry.references import is_digest

MAX_ATTACHED = 512
"""That one image leaves with: each costs requests. Whoever may push may attach any number."""

_TAG_ENDINGS = (".sig", ".att", ".sbom", "")
"""Of cosign, and of the list of referrers where the registry keeps none."""


def tag_about(digest: str, ending: str = "") -> str:
    """The tag under which something about an image is kept."""
    return f"{digest.replace(':', '-')}{ending}"


async def manifest_at(calls: RegistryCalls, version: str) -> Mapping[str, Any]:
    """A manifest; empty when there is none that can be read."""
    try:
        return await calls.json(calls.manifest(version))
    except (ImageNotFound, ValueError, RecursionError):
        return {}


async def referrers(calls: RegistryCalls, digest: str) -> list[Mapping[str, Any]]:
    """What says that it is about an image, as its list has it: unchecked, but each with a digest."""
    try:
        index = await calls.json(calls.referrers(digest))
    except ImageNotFound:  # it has no such list; then whoever attaches keeps one, under a tag
        index = await manifest_at(calls, tag_about(digest))
    except (ValueError, RecursionError):
        return []
    return _entries(index)


async def attached_to(calls: RegistryCalls, digest: str, *, spared: Collection[str]) -> list[str]:
    """Digests of what is kept about an image, and about that in turn; what is about another comes before it.

    A tag and a list say what whoever pushed them likes. So nothing counts that names another subject, or that
    is `spared`: an image in its own right. Raises RegistryUnavailable, RegistryDenied.
    """
    found: dict[str, None] = {}
    about = [digest]
    while about and len(found) < MAX_ATTACHED:
        next_ones = [each for one in about for each in await _directly_attached(calls, one)]
        about = [each for each in dict.fromkeys(next_ones) if each not in {*spared, *found, digest}]
        found |= dict.fromkeys(about[: MAX_ATTACHED - len(found)])
    return list(found)[::-1]


async def _directly_attached(calls: RegistryCalls, digest: str) -> list[str]:
    tags = [tag_about(digest, ending) for ending in _TAG_ENDINGS]
    tagged = [await digest_at(calls, tag) for tag in tags]
    listed = [*await referrers(calls, digest), *_entries(await manifest_at(calls, tag_about(digest)))]
    names = dict.fromkeys(str(entry["digest"]) for entry in listed[:MAX_ATTACHED])
    about = [name for name in names if _subject(await manifest_at(calls, name)) == digest]
    return [each for each in (*tagged, *about) if each]


async def digest_at(calls: RegistryCalls, tag: str) -> str:
    """The digest that a tag stands for; empty when there is none."""
    try:
        response, _ = await calls.fetch("HEAD", calls.manifest(tag))
    except ImageNotFound:
        return ""
    digest = response.headers.get("Docker-Content-Digest", "")
    return digest if is_digest(digest) else ""


def _entries(index: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = index.get("manifests")
    return [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping) and is_digest(str(entry.get("digest")))
    ]


def _subject(manifest: Mapping[str, Any]) -> str:
    subject = manifest.get("subject")
    return str(subject.get("digest", "")) if isinstance(subject, Mapping) else ""
