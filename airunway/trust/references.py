"""Globs for images and models, and what they are compared with. Pure.

A glob of images is `registry/path`: in the registry `*` stands for anything but a slash, in the path for
anything. So `*.example.com/team/*` cannot be met by a repository of another registry that is called alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from airunway.clients.registry.references import DOCKER_HUB, is_digest, parse_reference
from airunway.modelimage.naming import namespace_of_private

MAX_REFERENCE_LENGTH = 512
"""Characters; registry and repository have 255 each at most."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?")
_DIGEST_SEPARATOR, _TAG_SEPARATOR = "@", ":"
_ID_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})


class InvalidReference(ValueError):
    """A text that no container runtime is to be given as an image; the message says so."""


@dataclass(frozen=True, kw_only=True)
class ImageName:
    """An image reference with the defaults of container runtimes filled in. `text`: as it was written.

    Of `tag` and `digest` one is empty: a runtime that is given both runs the digest, whatever the tag says.
    """

    text: str
    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def untagged(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    def at(self, digest: str) -> str:
        """The same image by digest."""
        return f"{self.untagged}@{digest}"


@lru_cache(maxsize=1024)
def image_name(text: str) -> ImageName:
    """The parts of a reference. Raises InvalidReference."""
    if len(text) > MAX_REFERENCE_LENGTH:
        raise InvalidReference(f"{text[:80]!r}… is too long for an image reference")
    if is_image_id(text):
        raise InvalidReference(f"{text!r} is the id of an image that a node has, and no image reference")
    try:
        parsed = parse_reference(text)
    except ValueError:
        raise InvalidReference(f"{text!r} is no image reference") from None
    registry = parsed.host.lower()
    if text != text.strip() or not _HOST.fullmatch(registry) or ".." in registry:
        raise InvalidReference(f"{text!r} is no image reference")
    by_digest = is_digest(parsed.tag) and "@" in text
    return ImageName(
        text=text,
        registry=registry,
        repository=parsed.repository,
        tag="" if by_digest else parsed.tag,
        digest=parsed.tag if by_digest else "",
    )


def is_image_id(text: str) -> bool:
    """Whether a runtime may take a text for the id of an image that its node has, or the beginning of one.

    Container runtimes look for such an id among all that was pulled for anybody, and ask no registry.
    """
    algorithm, colon, _ = text.strip().partition(_TAG_SEPARATOR)
    return bool(colon) and algorithm.lower() in _ID_ALGORITHMS


def private_problem(text: str, namespace: str, *, hosts: Collection[str]) -> str:
    """Why a namespace may not run an image: it is or may be another one's, of a registry of ours; else empty.

    `hosts`: what nodes call that registry. A node that has an image already may not ask who wants it.
    """
    if is_image_id(text):
        return f"{text} is the id of an image, by which a node runs anybody's; name it as registry/name:tag"
    try:
        image = image_name(text)
    except InvalidReference:
        return ""  # no runtime finds an image of ours by it
    owner = namespace_of_private(image.repository)
    if image.registry not in hosts or owner in ("", namespace):
        return ""
    return f"{text} is private to another namespace; have it built for {namespace}, with its own token"


def matches_image(glob: str, image: ImageName) -> bool:
    """Whether a glob is met by an image.

    `*`: every image. `ghcr.io`: all of a registry. A glob without tag and digest is met by all of a
    repository's images; one with a tag by no reference with a digest, which says nothing of its tag.
    """
    if glob == "*":
        return True
    host, slash, path = glob.partition("/")
    if not _is_host(host, alone=not slash):
        host, path = DOCKER_HUB, glob if slash else f"library/{glob}"
    elif not slash:
        path = "*"
    if not _fits(image.registry, host.lower()):
        return False
    last = path.rpartition("/")[2]
    if _DIGEST_SEPARATOR in last:
        return bool(image.digest) and _fits(f"{image.repository}@{image.digest}", path)
    if _TAG_SEPARATOR in last:
        return bool(image.tag) and _fits(f"{image.repository}:{image.tag}", path)
    return _fits(image.repository, path)


def matches_model(glob: str, model: str) -> bool:
    """Whether a glob is met by a model's name; `*` stands for anything."""
    return _fits(model, glob)


def _fits(text: str, glob: str) -> bool:
    return compiled(glob).match(text) is not None


@lru_cache(maxsize=4096)
def compiled(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression.

    Kept, unlike by `fnmatch`, which forgets what is beyond 256: a tenant's many images would have an
    administrator's long list compiled again for each.
    """
    return re.compile(translate(glob))


def _is_host(text: str, *, alone: bool) -> bool:
    """Whether the first part of a glob is a registry, by the rule that runtimes have for references.

    `alone`: nothing follows, so that a colon may begin a tag.
    """
    name = text.partition(":")[0] if alone else text
    return text == "*" or "." in name or ":" in name or name == "localhost"
