"""Open a gRPC channel to a daemon: TCP, TLS with or without a certificate of ours, or a unix socket."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio

from airunway.clients.buildkit.errors import BuilderUnreachable
from airunway.clients.buildkit.model import BuildKitEndpoint

_MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # what BuildKit's own client takes


def open_channel(endpoint: BuildKitEndpoint) -> grpc.aio.Channel:
    """A channel; it connects with the first call. Raises BuilderUnreachable when a file cannot be read."""
    options: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
        # A builder is a neighbour; a proxy for the way out must not get in between.
        ("grpc.enable_http_proxy", 0),
        # Its own connection: a channel that failed must not keep the next one waiting.
        ("grpc.use_local_subchannel_pool", 1),
        # A restarted daemon is back in a moment; the usual wait between tries grows to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    kind, _, target = endpoint.address.partition("://")
    if kind == "unix":
        # Go refuses the authority gRPC would make of a path.
        options.append(("grpc.default_authority", "localhost"))
        return grpc.aio.insecure_channel(f"unix:{target}", options=options)
    if endpoint.ca_file is None:
        return grpc.aio.insecure_channel(target, options=options)
    if endpoint.server_name:
        options.append(("grpc.ssl_target_name_override", endpoint.server_name))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_content(endpoint.ca_file),
        private_key=_content(endpoint.key_file),
        certificate_chain=_content(endpoint.cert_file),
    )
    return grpc.aio.secure_channel(target, credentials, options=options)


def _content(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as err:
        raise BuilderUnreachable(
            f"{file}, which BuildKit's connection needs, cannot be read: {err.strerror}"
        ) from err
