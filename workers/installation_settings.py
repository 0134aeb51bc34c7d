"""Settings of providers' installation: what may be installed, from where, and by what."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from airunway.api.decision import InstallPolicy
from airunway.api.names import INSTALLER_NAMESPACE
from airunway.installation.chart_policy import ChartPolicy
from airunway.workers.durations import Duration

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class InstallationSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    provider_install: InstallPolicy = Field(
        default=InstallPolicy.ASK,
        description="What becomes of a deployment whose provider lacks its operator: `ask` shows the "
        "command to run, `auto` installs it (the sandbox's default), `never` passes such a provider over.",
    )
    installer_namespace: str = Field(
        default=INSTALLER_NAMESPACE,
        description="Namespace of the installer, its locks and the Secrets with chart values; nobody else "
        "may create anything there.",
    )
    provider_installations: Path | None = Field(
        default=None,
        description="YAML file that says what is installed for providers whose package the installer lacks, "
        "or instead of what it says; read at every use. See [security.md](security.md#installing-providers).",
    )
    chart_sources: list[str] = Field(
        default_factory=list,
        description="Repositories, registries and hosts that charts and CRD files may come from, as JSON: "
        "beginnings of URLs. Empty: whatever the packages and the file above name.",
    )
    chart_digests: dict[str, str] = Field(
        default_factory=dict,
        description='Digests that archives of charts must have, as JSON: `{"kaito/workspace 0.10.0": '
        '"sha256:…"}`; a chart that is named by its URL stands with that alone.',
    )
    chart_digests_required: bool = Field(
        default=False, description="Whether a chart without such a digest is refused."
    )
    chart_mirrors: dict[str, str] = Field(
        default_factory=dict,
        description="Prefix of a chart's or repository's URL to another URL or to a folder, as JSON; the "
        'longest that fits is taken: `{"https://charts.example.com": "https://mirror.example.com/charts"}`.',
    )
    helm_timeout: Duration = Field(
        default=timedelta(minutes=5),
        description="How long Helm waits for the objects of a chart, and for each hook (Helm's own default).",
    )
    helm_binary: str | None = Field(
        default=None,
        description="Helm 4 command that installs providers; absent: Helm as a library, which the extra "
        "`installer` brings.",
    )

    @field_validator("chart_digests")
    @classmethod
    def _digests(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(map(_DIGEST.fullmatch, value.values())):
            raise ValueError("each must be sha256: and 64 hexadecimal digits, in lower case")
        return value

    @property
    def chart_policy(self) -> ChartPolicy:
        """The rules that follow."""
        return ChartPolicy(
            sources=self.chart_sources,
            digests=self.chart_digests,
            digests_required=self.chart_digests_required,
            mirrors=self.chart_mirrors,
        )
