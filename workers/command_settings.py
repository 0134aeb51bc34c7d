"""The settings that a look at cluster and Temporal needs: which they are, and how they are reached.

Apart, because all settings together know types of every room, and take longer to load than the look itself.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from airunway.workers.temporal.settings import TemporalSettings


class CommandSettings(TemporalSettings):
    """Settings of every process and command."""

    model_config = SettingsConfigDict(
        env_prefix="AIRUNWAY_",
        extra="ignore",
        validate_default=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # a value may be a key that was put into the wrong variable
    )

    cluster: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?)?$",
        description="Name of this cluster among those that share a Temporal namespace: part of workflow ids "
        "and task queues, alike for all processes and commands, for good. Empty: first digits of the uid of "
        "the namespace `kube-system`.",
    )
    kubeconfig: Path | None = Field(
        default=None, description="Kubeconfig; absent: $KUBECONFIG, ~/.kube/config, or the pod's account."
    )
    context: str | None = Field(default=None, description="Context in it; absent: its current one.")
