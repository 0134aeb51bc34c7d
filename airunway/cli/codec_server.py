"""`airunway codec-server`: decrypted payloads in Temporal's UI and command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def codec_server(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0: any free one.")] = 8082,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of a Temporal UI that may ask, such as https://temporal.example.com; again for "
            "more. Absent: that of AIRUNWAY_TEMPORAL_UI.",
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token that callers must know. Absent: one is made, and printed.",
            show_default=False,
        ),
    ] = None,
    cert_file: Annotated[
        Path | None,
        typer.Option(help="Certificate (PEM), for HTTPS; with --key-file.", show_default=False),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Key of the certificate (PEM).", show_default=False)
    ] = None,
) -> None:
    """Decrypt payloads for Temporal's UI and command line, until told to stop.

    The keys are those of AIRUNWAY_TEMPORAL_ENCRYPTION_KEYS. It reaches neither Temporal nor a cluster.
    """
    from airunway.cli.codec_serve import serve_codec

    serve_codec(
        host=host,
        port=port,
        origins=origin,
        token_file=token_file,
        cert_file=cert_file,
        key_file=key_file,
    )
