"""Where Temporal is and as whom we come: the SDK's environment configuration, our settings over it.

    TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE      a file with profiles, as Temporal's own command line reads it
    TEMPORAL_ADDRESS, TEMPORAL_API_KEY, …       over the profile
    AIRUNWAY_TEMPORAL_*                         over both, where given

Whoever names an address or a namespace to people takes it from a target, never from a setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from temporalio.envconfig import ClientConfigProfile, ClientConfigTLS
from temporalio.service import TLSConfig

from airunway.workers.temporal.local_server import (
    DEFAULT_NAMESPACE,
    LOCAL_ADDRESS,
    LOCAL_UI,
    own_server_settings,
)
from airunway.workers.temporal.settings import TemporalSettings

CLOUD_HOSTS, CLOUD_UI = (".tmprl.cloud", ".api.temporal.io"), "https://cloud.temporal.io"
AUTHORIZATION = "authorization"

SomeSettings = TypeVar("SomeSettings", bound=TemporalSettings)


class InvalidConnection(ValueError):
    """What is said about the connection cannot work: no attempt will. The message says what to change."""


@dataclass(frozen=True, kw_only=True)
class TemporalTarget:
    """One Temporal namespace at one address, as settings and environment name it together."""

    address: str
    """host:port."""
    namespace: str
    ui: str
    """Address of the UI, without a slash at the end."""
    profile: ClientConfigProfile = field(repr=False)
    """The rest, with our settings laid over; files are named in it, not read."""
    api_key_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What may change while we are connected: it is read from files. Never shown."""

    tls: TLSConfig | None = field(repr=False)
    """None: no TLS."""
    api_key: str | None = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)


def target_of(settings: TemporalSettings) -> TemporalTarget:
    """The effective target. Reads the configuration file, but no key and no certificate.

    Raises InvalidConnection when the file, or the profile that was asked for, cannot be read.
    """
    given = _environment() if settings.temporal_environment else ClientConfigProfile()
    address = settings.temporal_address or given.address or LOCAL_ADDRESS
    if "://" in address:
        raise InvalidConnection(
            "Temporal's address is host:port, without a scheme; see AIRUNWAY_TEMPORAL_ADDRESS"
        )
    host = address.rpartition(":")[0]
    ui = settings.temporal_ui or (CLOUD_UI if host.endswith(CLOUD_HOSTS) else LOCAL_UI)
    return TemporalTarget(
        address=address,
        namespace=settings.temporal_namespace or given.namespace or DEFAULT_NAMESPACE,
        ui=ui.rstrip("/"),
        profile=replace(
            given,
            tls=_tls_over(given.tls, settings),
            grpc_meta={**given.grpc_meta, **_lower(settings.temporal_metadata)},
        ),
        api_key_file=settings.temporal_api_key_file,
    )


def is_named(settings: TemporalSettings) -> bool:
    """Whether a Temporal is named anywhere, or only the default is left. Raises InvalidConnection."""
    given = _environment() if settings.temporal_environment else ClientConfigProfile()
    return bool(settings.temporal_address or given.address)


def at_own_server(settings: SomeSettings, address: str, ui: str) -> SomeSettings:
    """The settings for a development server of ours."""
    return settings.model_copy(update=own_server_settings(address, ui))


def read_credentials(target: TemporalTarget) -> Credentials:
    """Read key and certificates as they are now.

    Raises InvalidConnection: a file cannot be read, a certificate has no key, a key would go without TLS.
    """
    profile, tls = target.profile, target.profile.tls
    api_key = _api_key(target.api_key_file) if target.api_key_file else profile.api_key
    is_secret = bool(api_key) or AUTHORIZATION in profile.grpc_meta
    if tls is not None and tls.disabled and is_secret:
        raise InvalidConnection(
            "an API key for Temporal without TLS could be read by anybody on the way: remove "
            "AIRUNWAY_TEMPORAL_TLS=false, TEMPORAL_TLS=false or `disabled` in the profile, or the key"
        )
    is_on = not tls.disabled if tls is not None else is_secret
    read = _read_tls(tls or ClientConfigTLS()) if is_on else None
    return Credentials(tls=read, api_key=api_key or None, metadata=dict(profile.grpc_meta))


def _environment() -> ClientConfigProfile:
    try:
        return ClientConfigProfile.load()
    except RuntimeError as err:
        raise InvalidConnection(f"Temporal's environment configuration (TEMPORAL_*): {err}") from err


def _tls_over(given: ClientConfigTLS | None, settings: TemporalSettings) -> ClientConfigTLS | None:
    """TLS as the environment says it, with what our settings say in its place. None: nothing is said."""
    said: dict[str, Any] = {
        "disabled": None if settings.temporal_tls is None else not settings.temporal_tls,
        "server_name": settings.temporal_server_name,
        "server_root_ca_cert": settings.temporal_ca_file,
        "client_cert": settings.temporal_cert_file,
        "client_private_key": settings.temporal_key_file,
    }
    ours = {name: value for name, value in said.items() if value is not None}
    return replace(given or ClientConfigTLS(), **ours) if ours else given


def _read_tls(tls: ClientConfigTLS) -> TLSConfig:
    if (tls.client_cert is None) != (tls.client_private_key is None):
        have, lacks = ("certificate", "KEY") if tls.client_cert else ("key", "CERT")
        raise InvalidConnection(
            f"for Temporal a {have} is given alone: set AIRUNWAY_TEMPORAL_{lacks}_FILE "
            f"(or TEMPORAL_TLS_CLIENT_{lacks}_PATH) as well"
        )
    try:
        read = tls.to_connect_tls_config()
    except OSError as err:
        raise InvalidConnection(f"a file for TLS to Temporal cannot be read: {err}") from err
    return read if isinstance(read, TLSConfig) else TLSConfig()


def _api_key(file: Path) -> str:
    try:
        key = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidConnection(f"the API key for Temporal cannot be read: {err}") from err
    # Checked here, because gRPC would name the value in its complaint.
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidConnection(f"{file} is no API key for Temporal: it must hold one word and nothing else")
    return key


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in metadata.items()}
