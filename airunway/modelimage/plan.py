"""What an image is made of, and its identity: the same parts give the same identity, and one build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from pydantic import BaseModel

from airunway.modelimage import naming

LAYOUT = "linked/1"
"""Where files lie in our images and how they are started. Changes with `airunway.modelimage.config`."""
FIXED_DATES_LAYOUT = "copied/1"
"""The same, with files that are copied to date them 1970."""
AIKIT_LAYOUT = "aikit/1"
"""Images that AIKit's frontend makes: it lays them out as it likes."""

FOLDER = "/models"
RUNNER_BASE = "ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest"

# What a model takes up: in the builder as download and layer, in the registry as layer.
_BUILDER_COPIES = 2.1
_BUILDER_COPIES_PLACED = 3.1  # a file that is copied to its place as well; what AIKit's frontend does
_REGISTRY_COPIES = 1.05


class PlannedFile(BaseModel):
    """A file of the model: path in its repository, hex digest, size in bytes."""

    path: str
    sha256: str
    size: int

    @property
    def path_in_image(self) -> str:
        """Where it lies in the image."""
        return f"{FOLDER}/{self.path.rpartition('/')[2]}"


class ModelImagePlan(BaseModel):
    """One image: everything that decides what is in it, and what it will be called."""

    identity: str
    """Hex digest of (repository, commit, files, base, layout, and whose it is if it is private)."""
    layout: str = LAYOUT
    repository: str
    """Hugging Face repository."""
    revision: str
    """As it was asked for."""
    commit: str
    files: list[PlannedFile]
    """The first is the one that a server is told to load."""
    base: str
    """Base image, or AIKit's frontend, with digest."""
    license: str = ""
    private_to: str = ""
    """Namespace whose token the hub wants for the files; only it may have the image. Empty: anybody may."""
    name: str
    """Repository in the image registry."""
    tag: str
    visible_tag: str

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.files)

    @property
    def main(self) -> PlannedFile:
        """The file that a server is told to load."""
        return self.files[0]


def plan_model_image(
    *,
    repository: str,
    revision: str,
    commit: str,
    files: Sequence[PlannedFile],
    base: str,
    license: str = "",
    layout: str = LAYOUT,
    private_to: str = "",
) -> ModelImagePlan:
    """The plan for these parts. `files` in the order in which a server loads them.

    An image of a private model is another one for each namespace, in a place of its own.
    """
    parts = {
        "repository": repository,
        "commit": commit,
        "files": [[file.path_in_image, file.sha256] for file in files],
        "base": base.rpartition("@")[2],
        "layout": layout,
        **({"private_to": private_to} if private_to else {}),
    }
    identity = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    main = files[0].path
    return ModelImagePlan(
        identity=identity,
        layout=layout,
        repository=repository,
        revision=revision,
        commit=commit,
        files=list(files),
        base=base,
        license=license,
        private_to=private_to,
        name=naming.repository_name(repository, private_to=private_to),
        tag=naming.identity_tag(main, identity),
        visible_tag=naming.visible_tag(main),
    )


def space_problem(plan: ModelImagePlan, *, builder_bytes: int, registry_bytes: int) -> str:
    """Why volumes of these sizes cannot hold a build of the image; empty when they can. 0: unknown."""
    in_builder = _BUILDER_COPIES if plan.layout == LAYOUT else _BUILDER_COPIES_PLACED
    for what, setting, has, copies in (
        ("the builder's", "AIRUNWAY_BUILDKIT_VOLUME_SIZE", builder_bytes, in_builder),
        ("the registry's", "AIRUNWAY_IMAGE_REGISTRY_VOLUME_SIZE", registry_bytes, _REGISTRY_COPIES),
    ):
        needs = int(plan.total_bytes * copies)
        if has and needs > has:
            return (
                f"{plan.repository} needs {human_bytes(needs)}, {what} volume has {human_bytes(has)};"
                f" raise {setting}, or choose a smaller file"
            )
    return ""


def human_bytes(count: float) -> str:
    """A size for a person: `3.4 GB`, in steps of 1000 as the hub shows them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
