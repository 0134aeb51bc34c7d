"""The work of `airunway codec-server`: keys, token and certificate are found, the server is run."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Sequence
from pathlib import Path

from airunway.cli import output
from airunway.cli.problems import CliError, UsageError
from airunway.cli.serve import until_stopped
from airunway.clients.payload_codec import EncryptionCodec, EncryptionKeys
from airunway.workers.codec_server import CodecServer, serving
from airunway.workers.environment import read_settings
from airunway.workers.logs import configure_logging
from airunway.workers.temporal.target import target_of


def serve_codec(
    *,
    host: str,
    port: int,
    origins: Sequence[str] | None,
    token_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
) -> None:
    """Serve; see `airunway codec-server --help` for the arguments."""
    settings = read_settings()
    configure_logging(settings)
    if settings.temporal_encryption_keys is None:
        raise CliError("there is nothing to decrypt with: set AIRUNWAY_TEMPORAL_ENCRYPTION_KEYS")
    codec = EncryptionCodec(
        EncryptionKeys(settings.temporal_encryption_keys, settings.temporal_encryption_key)
    )
    token = _read_token(token_file) if token_file else secrets.token_urlsafe(32)
    server = CodecServer(codec, token=token, origins=origins or [target_of(settings).ui])
    context = _tls(cert_file, key_file)

    async def serve() -> None:
        async with serving(server, host=host, port=port, ssl=context) as taken:
            base = f"http{'s' if context else ''}://{host}:{taken}"
            shown = f"/token/{token}" if token_file is None else "/token/<token>"
            output.line(f"Temporal's UI, codec endpoint: {base}{shown}", flush=True)
            output.line(f"temporal … --codec-endpoint {base} --codec-auth 'Bearer <token>'", flush=True)
            await asyncio.Event().wait()

    asyncio.run(until_stopped(serve()))


def _read_token(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"--token-file: {err}") from err
    if not token:
        raise UsageError(f"--token-file: {file} is empty")
    return token


def _tls(cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext | None:
    if cert_file is None and key_file is None:
        return None
    if cert_file is None or key_file is None:
        raise UsageError("--cert-file and --key-file are given together")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert_file, key_file)
    except (OSError, ssl.SSLError) as err:
        raise UsageError(f"--cert-file, --key-file: {err}") from err
    return context
