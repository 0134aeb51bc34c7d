"""How values become payloads: the one place where worker, watcher, command line and tests get it from."""

from __future__ import annotations

from dataclasses import replace

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from airunway.workers.temporal.settings import TemporalSettings


def data_converter(settings: TemporalSettings | None = None) -> DataConverter:
    """JSON by pydantic; encrypted, messages and stack traces of failures too, when keys are set.

    Raises InvalidKeys when they cannot be used.
    """
    if settings is None or settings.temporal_encryption_keys is None:
        return pydantic_data_converter
    from airunway.clients.payload_codec import EncryptionCodec, EncryptionKeys  # megabytes of cryptography

    keys = EncryptionKeys(settings.temporal_encryption_keys, settings.temporal_encryption_key)
    return replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
