"""Globs for images and models, and what they are compared with. Pure.

A glob of images is `registry/path:tag@digest`, of which it names what it is about: in the registry `*` stands
for anything but a slash, in the path for anything. So `*.example.com/team/*` cannot be met by a repository of
another registry that is called alike.

A runtime that is given a tag and a digest runs the digest, and nobody has compared the two. So what somebody
writes beside a digest is no tag: it meets no glob of tags, and it gets nobody round one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from airunway.clients.guarded_http.addresses import is_loopback
from airunway.clients.registry.references import DOCKER_HUB, parse_reference, tag_of
from airunway.modelimage.naming import namespace_of_private

MAX_REFERENCE_LENGTH = 512
"""Characters; registry and repository have 255 each at most."""

_HOST = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]+)?")
_WILD = re.compile(r"[*?\[]")
_DIGEST_SEPARATOR, _TAG_SEPARATOR = "@", ":"
_HTTPS_PORT = 443
_ID_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})


class InvalidReference(ValueError):
    """A text that no container runtime is to be given as an image; the message says so."""


@dataclass(frozen=True, kw_only=True)
class ImageName:
    """An image reference with the defaults of container runtimes filled in. `text`: as it was written."""

    text: str
    registry: str
    repository: str
    tag: str = ""
    """Beside a digest only what somebody calls it; empty then where nobody does."""
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
    if text != text.strip() or not _HOST.fullmatch(parsed.host) or ".." in parsed.host:
        raise InvalidReference(f"{text!r} is no image reference")
    by_digest = _DIGEST_SEPARATOR in text
    return ImageName(
        text=text,
        registry=_one_spelling(parsed.host),
        repository=parsed.repository,
        tag=tag_of(text) if by_digest else parsed.tag,
        digest=parsed.tag if by_digest else "",
    )


def is_same_repository(one: str, other: str) -> bool:
    """Whether two references are of one repository, however each is spelled: `a/b` is `docker.io/a/b`."""
    try:
        return image_name(one).untagged == image_name(other).untagged
    except InvalidReference:
        return False


def _one_spelling(registry: str) -> str:
    """A registry without what changes nothing of where it is: HTTPS' own port, zeros before a port."""
    name, colon, port = registry.rpartition(_TAG_SEPARATOR)
    if not colon or not (port.isascii() and port.isdigit()):
        return registry
    number = int(port)
    # Runtimes talk HTTP to their own machine.
    is_default = number == _HTTPS_PORT and not is_loopback(name.strip("[]"))
    return name if is_default else f"{name}:{number}"


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
    """Whether a glob is met by an image for sure, as a list of what is allowed asks.

    `*`: every image. `ghcr.io`: all of a registry. A glob without tag and digest is met by all of a
    repository's images; one with a tag by references without a digest, one with a digest by those with it.
    """
    wanted = _ImageGlob.of(glob)
    if not wanted.covers(image):
        return False
    if wanted.digest:
        return bool(image.digest) and _fits(image.digest, wanted.digest) and wanted.names_tag_of(image)
    return not wanted.tag or (not image.digest and wanted.names_tag_of(image))


def may_match_image(glob: str, image: ImageName) -> bool:
    """Whether a glob may be met by what an image turns out to be, as a list of what is demanded asks.

    What a digest is tagged, and which digest a tag stands for, only the registry knows.
    """
    wanted = _ImageGlob.of(glob)
    if not wanted.covers(image):
        return False
    if image.digest:
        return not wanted.digest or _fits(image.digest, wanted.digest)
    return wanted.names_tag_of(image)


@dataclass(frozen=True, kw_only=True)
class _ImageGlob:
    """A glob of images in its parts; of `tag` and `digest` what it does not speak of is empty."""

    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(glob: str) -> _ImageGlob:
        """The parts of a glob."""
        if glob == "*":
            return _ImageGlob(registry="*", path="*")
        host, slash, path = glob.partition("/")
        if not _is_host(host, alone=not slash):
            host, path = DOCKER_HUB, glob
        elif not slash:
            path = "*"
        folder, deeper, last = path.rpartition("/")
        last, _, digest = last.partition(_DIGEST_SEPARATOR)
        last, _, tag = last.partition(_TAG_SEPARATOR)
        registry = _registry_of_glob(host)
        # Docker Hub's own images, also by their long name; a glob there may mean any folder.
        official = registry == DOCKER_HUB and not deeper and (not slash or not _WILD.search(last))
        path = f"library/{last}" if official else f"{folder}{deeper}{last}"
        return _ImageGlob(registry=registry, path=path, tag=tag, digest=digest)

    def covers(self, image: ImageName) -> bool:
        """Whether an image is of its registry and path."""
        return _fits(image.registry, self.registry) and _fits(image.repository, self.path)

    def names_tag_of(self, image: ImageName) -> bool:
        """Whether its tag, if it speaks of one, is what the image is called."""
        return not self.tag or (bool(image.tag) and _fits(image.tag, self.tag))


def _registry_of_glob(host: str) -> str:
    """The registry of a glob as those of references are compared."""
    try:
        return image_name(f"{host}/any").registry
    except InvalidReference:  # with signs of a glob in it
        return _one_spelling(host.lower())


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
