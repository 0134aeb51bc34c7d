"""A model image: what a provider wants built of a model's files, and what was built of it.

Not a serving image, which an engine runs: weights are its content.
"""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict


class ModelImageSpec(BaseModel):
    """The image that must be built of a model's files before the deployment can be rendered.

    `file`: path in the Hugging Face repository; empty: chosen by the rule of docs/images.md. `revision`:
    branch, tag or commit. `token_secret`: Secret in the deployment's namespace with the key `HF_TOKEN`;
    empty: anonymous.
    """

    model_config = ConfigDict(frozen=True)

    repository: str
    file: str = ""
    revision: str = "main"
    token_secret: str = ""

    @property
    def digest(self) -> str:
        """Tells one spec from another: 64 hex digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class ModelImageRef(BaseModel):
    """A model image that is in the registry. `reference`: `repository@sha256:…`, as nodes pull it."""

    model_config = ConfigDict(frozen=True)

    reference: str
    tagged: str = ""
    """The same image by its own tag, for people."""
    pull_secret: str = ""
    """Secret of the deployment's namespace that a private image is pulled with; empty: it needs none."""
    spec_digest: str = ""
    """Of the spec that a deployment wanted it for; empty until one takes it, as many share one image."""

    def taken_for(self, spec: ModelImageSpec) -> ModelImageRef:
        """The same, as what this spec asks for."""
        return self.model_copy(update={"spec_digest": spec.digest})

    def is_of(self, spec: ModelImageSpec) -> bool:
        """Whether it is what this spec asks for."""
        return self.spec_digest == spec.digest
