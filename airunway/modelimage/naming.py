"""What images of GGUF models are called. Source: gguf-build.md §6 to §8; vectors `image_ref`.

An image has two tags. The visible one is AI Runway's own and follows its algorithm to the letter, so that
its user interface finds what it expects; it is not unique. The other one ends in a part of the image's
identity. What is deployed is neither, but the digest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from airunway.api.model_image import ModelImageSpec
from airunway.api.names import (
    PRIVATE_PULLS_NODE_PORT,
    REGISTRY,
    REGISTRY_NODE_PORT,
    REGISTRY_PORT,
    REGISTRY_PRIVATE_PORT,
    SYSTEM_NAMESPACE,
)

PUSH_HOST = f"{REGISTRY}.{SYSTEM_NAMESPACE}.svc:{REGISTRY_PORT}"
PRIVATE_PUSH_HOST = f"{REGISTRY}.{SYSTEM_NAMESPACE}.svc:{REGISTRY_PRIVATE_PORT}"
PULL_HOST = f"localhost:{REGISTRY_NODE_PORT}"
PRIVATE_PULL_HOST = f"localhost:{PRIVATE_PULLS_NODE_PORT}"
HUB = "https://huggingface.co"
AIKITFILE = "https://raw.githubusercontent.com/kaito-project/aikit/main/models/aikitfile.yaml"

PREFIX = "aikit-"
PRIVATE_FOLDER = "private"
"""Of the registry: below it a folder for each namespace, which a registry can give rights on."""
PREMADE_REPOSITORY = "ghcr.io/kaito-project/aikit"
PREMADE = (
    "llama3.2:1b",
    "llama3.2:3b",
    "llama3.1:8b",
    "llama3.3:70b",
    "mixtral:8x7b",
    "phi4:14b",
    "gemma2:2b",
    "qwq:32b",
    "codestral:22b",
    "gpt-oss:20b",
)
"""Images that AIKit has made already, by id (gguf-build.md §9)."""

_MAX_NAME_LENGTH = 63
_IDENTITY_DIGITS = 12
_NO_QUANTISATION = "custom"
# Like JavaScript's encodeURIComponent, which the reference builds its URLs with.
_UNRESERVED = "!~*'()"

MAX_PATH_LENGTH = 512
"""Characters of a file's path in a repository."""

_REPOSITORY = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_MODEL_SEGMENT = re.compile(r"[A-Za-z0-9._-]{1,96}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")

_LEGACY_QUANTISATIONS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\.(Q\d+_K_[SM])\.gguf$",
        r"\.(Q\d+_\d)\.gguf$",
        r"\.(Q\d+)\.gguf$",
        r"\.(IQ\d+_[A-Z]+)\.gguf$",
        r"\.(F\d+)\.gguf$",
    )
]
_QUANTISATION = re.compile(
    r"(?:^|[._-])"
    r"((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+){0,3}|TQ\d_\d|BF16|F16|F32|FP16|FP32|MXFP4(?:_MOE)?))"
    r"(?:-\d{5}-of-\d{5})?\.gguf$",
    re.IGNORECASE,
)
_QUANTISATION_LENGTH = 48
"""Characters at the end of a name in which it stands."""
_SHARD = re.compile(r"^(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class AikitRequest:
    """A request to build or resolve an image (gguf-build.md §8.1); empty means not given."""

    source: str = ""
    premade: str = ""
    model: str = ""
    file: str = ""
    name: str = ""
    tag: str = ""


def request_errors(request: AikitRequest) -> list[str]:
    """What is wrong with a request; empty when nothing is."""
    if request.source == "premade":
        if not request.premade:
            return ["premadeModel is required for a pre-made image"]
        return [] if request.premade in PREMADE else [f"Unknown premade model: {request.premade}"]
    if request.source != "huggingface":
        return [f"modelSource must be premade or huggingface, not {request.source!r}"]
    return [
        problem
        for problem in (
            model_problem(request.model),
            file_problem(request.file),
            repository_problem(request.name) if request.name else "",
            tag_problem(request.tag) if request.tag else "",
        )
        if problem
    ]


def model_image_reference(request: AikitRequest, *, host: str = PULL_HOST) -> str:
    """The reference of a valid request, as nodes pull it."""
    if request.source == "premade":
        return f"{PREMADE_REPOSITORY}/{request.premade}"
    name = request.name or repository_name(request.model)
    return f"{host}/{name}:{request.tag or visible_tag(request.file)}"


# -- names ------------------------------------------------------------------------------------------------


def repository_name(model: str, *, private_to: str = "") -> str:
    """`aikit-` and the model's id in the letters that a registry takes; of a private one in a folder of the
    namespace that may have it.

    A name that is cut short loses the separator at its end, and an id without any usable letter is
    `aikit-model`: the reference's own names would be invalid there.
    """
    cleaned = re.sub(r"-+", "-", re.sub(r"[^a-z0-9-]", "-", model.lower())).strip("-")
    name = f"{PREFIX}{cleaned[:_MAX_NAME_LENGTH].rstrip('-') or 'model'}"
    return f"{PRIVATE_FOLDER}/{private_to}/{name}" if private_to else name


def namespace_of_private(name: str) -> str:
    """The namespace that alone may have the images of a repository; empty when everybody may."""
    folder, _, rest = name.partition("/")
    return rest.partition("/")[0] if folder == PRIVATE_FOLDER else ""


def visible_tag(file: str) -> str:
    """AI Runway's tag: the quantisation if its five patterns find one, else `custom`."""
    found = (pattern.search(file) for pattern in _LEGACY_QUANTISATIONS)
    return next((match[1].upper() for match in found if match), _NO_QUANTISATION)


def quantisation(file: str) -> str:
    """The quantisation that a file's name tells, after a dot, dash or underscore; empty if it tells none."""
    name = file.rpartition("/")[2]
    match = _QUANTISATION.search(name, max(0, len(name) - _QUANTISATION_LENGTH))
    return match[1].upper() if match else ""


def identity_tag(file: str, identity: str) -> str:
    """A tag that no other image has: quantisation and the beginning of the identity."""
    return f"{quantisation(file) or _NO_QUANTISATION}-{identity[:_IDENTITY_DIGITS]}"


def staging_tag(identity: str) -> str:
    """The tag of a push that nobody has verified yet."""
    return f"unverified-{identity[:_IDENTITY_DIGITS]}"


@dataclass(frozen=True)
class Shard:
    """A file of a split model: `number` of `count`, from 1."""

    stem: str
    number: int
    count: int


def shard_of(file: str) -> Shard | None:
    """Which part of a split model a file is; None for a whole one."""
    match = _SHARD.match(file)
    return Shard(match["stem"], int(match["number"]), int(match["count"])) if match else None


# -- addresses --------------------------------------------------------------------------------------------


def resolve_url(model: str, file: str, *, revision: str = "main", hub: str = HUB) -> str:
    """Where a file of a repository is downloaded (gguf-build.md §7)."""
    return f"{hub.rstrip('/')}/{encoded(model)}/resolve/{encoded(revision)}/{encoded(file)}"


def encoded(path: str) -> str:
    """A path with each of its segments percent-encoded."""
    return "/".join(quote(segment, safe=_UNRESERVED) for segment in path.split("/"))


def spec_problems(spec: ModelImageSpec) -> list[str]:
    """What is wrong with the spec of an image; empty when nothing is. Without a file one is chosen."""
    problems = [
        model_problem(spec.repository),
        file_problem(spec.file) if spec.file else "",
        revision_problem(spec.revision),
    ]
    return [problem for problem in problems if problem]


# -- what is refused --------------------------------------------------------------------------------------


def model_problem(model: str) -> str:
    """Why this is no id of a repository; empty when it is one (gguf-build.md §7, weak spot 6)."""
    if not model:
        return "modelId is required"
    segments = model.split("/")
    good = all(_MODEL_SEGMENT.fullmatch(part) and part not in (".", "..") for part in segments)
    if len(segments) > 2 or not good:
        return (
            f"modelId {model!r} is no Hugging Face repository: one or two names of letters, digits and '._-'"
        )
    return ""


def file_problem(file: str) -> str:
    """Why this cannot be a GGUF file of a repository; empty when it can."""
    if not file:
        return "ggufFile is required"
    if not file.endswith(".gguf"):
        return f"ggufFile must be a .gguf file, not {file!r}"
    return path_problem(file)


def path_problem(file: str) -> str:
    """Why this cannot be a path in a repository whose file is put into an image; empty when it can."""
    if len(file) > MAX_PATH_LENGTH:
        return f"ggufFile {file[:60]!r}… is longer than {MAX_PATH_LENGTH} characters"
    if file.startswith("/") or any(part in ("", ".", "..") for part in file.split("/")):
        return f"ggufFile {file!r} must be a path inside the repository, without '..'"
    if "\\" in file or not file.isprintable():
        return f"ggufFile {file!r} holds letters that a file in an image cannot have"
    name = file.rpartition("/")[2]
    if name != name.strip() or name.startswith(".wh."):
        return f"ggufFile {file!r} has a name that a file in an image cannot have"
    return ""


def revision_problem(revision: str) -> str:
    """Why this is no branch, tag or commit; empty when it can be one."""
    if _REVISION.fullmatch(revision) and ".." not in revision and "//" not in revision:
        return ""
    return f"{revision!r} is no branch, tag or commit"


def repository_problem(name: str) -> str:
    """Why a registry would not take this name; empty when it would."""
    if _REPOSITORY.fullmatch(name) and len(name) <= 255:
        return ""
    return f"imageName {name!r} is no repository: lower-case letters and digits, separated by '._-/'"


def tag_problem(tag: str) -> str:
    """Why a registry would not take this tag; empty when it would."""
    return "" if _TAG.fullmatch(tag) else f"imageTag {tag!r} is no tag: at most 128 letters, digits and '._-'"
