"""Settings of trust: which images and models may run, which images must be signed, and by whom."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings


class TrustSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    allowed_images: list[str] = Field(
        default=["*"],
        description="Images that may run (JSON list of globs, such as `ghcr.io/kaito-project/*`), whatever "
        "path they come by; annotation `airunway.ai/allowed-images` of a Namespace takes its place there. See"
        " [security.md](security.md#signatures-and-which-images-and-models-are-allowed).",
    )
    allowed_models: list[str] = Field(
        default=["*"],
        description="Models that may be served (JSON list of globs, such as `microsoft/*`); one in an image "
        "or a volume is `custom:<id>`. Annotation: `airunway.ai/allowed-models`.",
    )
    verified_images: list[str] = Field(
        default_factory=list,
        description="Images that must be signed, as cosign does it (JSON list of globs), and are deployed by "
        "the digest that was signed. Annotation: `airunway.ai/verified-images`.",
    )
    verification_keys: str = Field(
        default="",
        pattern=r"^((secret|configmap)/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
        description="`configmap/<name>` or `secret/<name>` in our own namespace: the public keys (PEM, ECDSA "
        "P-256) whose signatures count. Workers may read the ConfigMap `airunway-verification-keys`.",
    )
    signing_key: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
        description="Secret in our own namespace with the key that images built here are signed with, as "
        "`cosign generate-key-pair k8s://<namespace>/<name>` makes it; the worker may read "
        "`airunway-signing-key`. Empty: they are not signed.",
    )

    @field_validator("allowed_images", "allowed_models", "verified_images")
    @classmethod
    def _globs(cls, value: list[str]) -> list[str]:
        if any(not glob.strip() or glob != glob.strip() for glob in value):
            raise ValueError("globs must not be empty, or begin or end with blanks")
        return value
