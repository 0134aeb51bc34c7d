"""How values become payloads: the one place where worker, watcher, command line and tests get it from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    EncodingPayloadConverter,
)

from airunway.messages.payloads import UnreadablePayload
from airunway.workers.temporal.settings import TemporalSettings


class SharedPayloadConverter(PydanticPayloadConverter):
    """One for the process. The SDK makes one for every task, and each would learn all our types anew."""

    _shared: Self | None = None

    def __new__(cls) -> Self:
        """The one there is."""
        if cls._shared is None:
            made = super().__new__(cls)
            PydanticPayloadConverter.__init__(made)
            made._prepare()
            cls._shared = made
        return cls._shared

    def _prepare(self) -> None:
        """Nothing more."""

    def __init__(self) -> None:
        """Nothing: it is made once."""


class StillEncrypted(EncodingPayloadConverter):
    """Refuses what the codec had no key for, one payload at a time.

    So an update that came so is refused with the reason, and changes nothing; what a workflow cannot do
    without fails its task until the key is there.
    """

    @property
    def encoding(self) -> str:
        """That of what is encrypted."""
        return "binary/encrypted"

    def to_payload(self, value: Any) -> Payload | None:
        """Nothing is made so: the codec encrypts."""
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Raises UnreadablePayload."""
        why = payload.metadata.get("why-it-is-unreadable", b"").decode(errors="replace")
        raise UnreadablePayload(why or "a payload is encrypted, and there is no key for it here")


class KeyedPayloadConverter(SharedPayloadConverter):
    """The same where there are keys."""

    _shared = None

    def _prepare(self) -> None:
        refuses = StillEncrypted()
        self.converters = {**self.converters, refuses.encoding.encode(): refuses}


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
        payload_converter_class=KeyedPayloadConverter,
        payload_codec=EncryptionCodec(keys, leaves_unreadable=True),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
