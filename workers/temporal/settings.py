"""Settings of the connection to Temporal, laid over the SDK's own environment configuration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from airunway.workers.durations import Duration


class TemporalSettings(BaseSettings):
    """What is None was not given: then `TEMPORAL_*`, the profile, or the effective default decides."""

    temporal_address: str | None = Field(
        default=None,
        description="host:port of Temporal's frontend, over `TEMPORAL_ADDRESS` and the profile of "
        "`TEMPORAL_PROFILE`. None of them: `127.0.0.1:7233`.",
    )
    temporal_namespace: str | None = Field(
        default=None,
        description="Temporal namespace, over `TEMPORAL_NAMESPACE` and the profile. None: `default`.",
    )
    temporal_tls: bool | None = Field(
        default=None,
        description="TLS to Temporal. Absent: on when an API key, a certificate, an authority or a server "
        "name is given, here or in the environment.",
    )
    temporal_api_key_file: Path | None = Field(
        default=None,
        description="File with an API key for Temporal, over `TEMPORAL_API_KEY`; read again when it changes.",
    )
    temporal_cert_file: Path | None = Field(
        default=None,
        description="Our certificate for Temporal (PEM), with the next one, over "
        "`TEMPORAL_TLS_CLIENT_CERT_PATH`; read again when it changes.",
    )
    temporal_key_file: Path | None = Field(default=None, description="Key of that certificate (PEM).")
    temporal_ca_file: Path | None = Field(
        default=None,
        description="Authority of Temporal's certificate (PEM), over `TEMPORAL_TLS_SERVER_CA_CERT_PATH`. "
        "Absent: those of the system.",
    )
    temporal_server_name: str | None = Field(
        default=None,
        description="Name in Temporal's certificate where it is not the host, over "
        "`TEMPORAL_TLS_SERVER_NAME`.",
    )
    temporal_metadata: dict[str, str] = Field(
        default_factory=dict,
        description="gRPC metadata of every call, as JSON, each name over its `TEMPORAL_GRPC_META_*`.",
    )
    temporal_credentials_check: Duration = Field(
        default=timedelta(seconds=15),
        gt=timedelta(0),
        description="How often files with keys and certificates are looked at for new ones; mounted Secrets "
        "reach a pod within two minutes by themselves.",
    )
    temporal_environment: bool = Field(
        default=True,
        description="`false`: no `TEMPORAL_*` variable and no configuration file is read, only "
        "`AIRUNWAY_TEMPORAL_*`.",
    )
    temporal_ui: str | None = Field(
        default=None,
        description="Address of Temporal's UI, for links. Absent: that of Temporal Cloud when the address "
        "is one of it, else `http://127.0.0.1:8233`.",
    )
    temporal_encryption_keys: Path | None = Field(
        default=None,
        description="Folder of keys that payloads are encrypted with (a file a key: 32 bytes, raw, as "
        "base64 or as hex; its name is the key's id). Absent: payloads are not encrypted.",
    )
    temporal_encryption_key: str | None = Field(
        default=None,
        description="Id of the key that encrypts; the others only decrypt. Absent: the only one there is.",
    )
    tracing: bool = Field(
        default=False,
        description="OpenTelemetry traces by OTLP, to where the standard `OTEL_*` variables say; needs the "
        "`otel` extra.",
    )
    metrics_otlp: bool = Field(
        default=False,
        description="The Temporal SDK's metrics by OTLP, to where `OTEL_*` say; this system's own are served "
        "at `AIRUNWAY_METRICS_PORT` only.",
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, given: Any) -> Any:
        """An empty variable is how manifests and Compose files say that nothing is given."""
        optional = {name for name, field in TemporalSettings.model_fields.items() if field.default is None}
        return {name: value for name, value in given.items() if value != "" or name not in optional}
