"""How values become payloads: the one place where worker, watcher, command line and tests get it from."""

from __future__ import annotations

from dataclasses import replace

from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from airunway.workers.temporal.settings import TemporalSettings


class SharedPayloadConverter(PydanticPayloadConverter):
    """One for the process. The SDK makes one for every task, and each would learn all our types anew."""

    _shared: SharedPayloadConverter | None = None

    def __new__(cls) -> SharedPayloadConverter:
        """The one there is."""
        if cls._shared is None:
            made = super().__new__(cls)
            PydanticPayloadConverter.__init__(made)
            cls._shared = made
        return cls._shared

    def __init__(self) -> None:
        """Nothing: it is made once."""


_CONVERTER = replace(pydantic_data_converter, payload_converter_class=SharedPayloadConverter)


def data_converter(settings: TemporalSettings | None = None) -> DataConverter:
    """JSON by pydantic; encrypted, messages and stack traces of failures too, when keys are set.

    Raises InvalidKeys when they cannot be used.
    """
    if settings is None or settings.temporal_encryption_keys is None:
        return _CONVERTER
    from airunway.clients.payload_codec import EncryptionCodec, EncryptionKeys  # megabytes of cryptography

    keys = EncryptionKeys(settings.temporal_encryption_keys, settings.temporal_encryption_key)
    return replace(
        _CONVERTER,
        payload_codec=EncryptionCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
