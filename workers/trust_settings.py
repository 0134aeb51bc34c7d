"""Settings of trust: which images and models may run, which images must be signed, and by whom."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from airunway.trust.policy import TrustPolicy, read_globs, setting_policy

GlobList = Annotated[list[str], NoDecode]
"""As the annotations of a Namespace are written: with commas or blanks between, or as a JSON list."""


class TrustSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    allowed_images: GlobList = Field(
        default=["*"],
        description="Images that may run (globs, such as `ghcr.io/kaito-project/*, nvcr.io`), whatever "
        "path they come by; annotation `airunway.ai/allowed-images` of a Namespace takes its place there. See"
        " [security.md](security.md#signatures-and-which-images-and-models-are-allowed).",
    )
    allowed_models: GlobList = Field(
        default=["*"],
        description="Models that may be served (globs, such as `microsoft/*`); one in an image "
        "or a volume is `custom:<id>`. Annotation: `airunway.ai/allowed-models`.",
    )
    verified_images: GlobList = Field(
        default_factory=list,
        description="Images that must be signed, as cosign does it (globs), and are deployed by "
        "the digest that was signed. Annotation: `airunway.ai/verified-images`.",
    )
    verification_keys: str = Field(
        default="",
        pattern=r"^((secret|configmap)/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
        description="`configmap/<name>` or `secret/<name>` in our own namespace: the public keys (PEM, ECDSA "
        "P-256) whose signatures count. Our accounts may read one called `airunway-verification-keys`.",
    )
    signing_key: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
        description="Secret in our own namespace with the key that images built here are signed with, as "
        "`cosign generate-key-pair k8s://<namespace>/<name>` makes it; the worker may read "
        "`airunway-signing-key`. Empty: they are not signed.",
    )

    @field_validator("allowed_images", "allowed_models", "verified_images", mode="before")
    @classmethod
    def _globs(cls, value: Any) -> Any:
        return list(read_globs(value, where="the setting")) if isinstance(value, str) else value

    @property
    def trust_policy(self) -> TrustPolicy:
        """What may run in a namespace that says nothing itself."""
        return setting_policy(
            images=self.allowed_images, models=self.allowed_models, verified=self.verified_images
        )
