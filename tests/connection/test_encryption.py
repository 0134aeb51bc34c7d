"""With keys, what the server stores is unreadable, and readable through the codec server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import Parse as parse_json
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.history.v1 import History, MarkerRecordedEventAttributes

from airunway.api.names import deployment_workflow_id
from airunway.workers.codec_server import CodecServer, serving
from airunway.workers.temporal.converter import data_converter
from tests.connection.conftest import Site
from tests.e2e.system import System

MODEL = "org/model-nobody-may-know"
OF_THE_SDK = ("data", "type", "version")
"""Details of markers that hold numbers and names of steps, which no codec gets to see."""


def stored_payloads(message: Message) -> Iterator[Payload]:
    """Every payload in a message, but search attributes, which the server must read."""
    if isinstance(message, Payload):
        yield message
        return
    if isinstance(message, SearchAttributes):
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            is_marker = isinstance(message, MarkerRecordedEventAttributes)
            of_sdk = OF_THE_SDK if is_marker else ()
            parts = [part for key, part in value.items() if isinstance(part, Message) and key not in of_sdk]
        else:
            parts = list(value) if field.is_repeated else [value]
        for part in parts:
            yield from stored_payloads(part)


async def history_of(site: Site, workflow_id: str) -> History:
    events = [event async for event in site.operator.get_workflow_handle(workflow_id).fetch_history_events()]
    return History(events=events)


def id_of(system: System, name: str) -> str:
    return deployment_workflow_id(system.settings.cluster, system.namespace, name)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "k1").write_bytes(os.urandom(32))
    return folder


async def test_nothing_can_be_read_in_the_raw_history_and_everything_through_the_codec_server(
    site: Site, keys: Path
) -> None:
    async with site.system(site.upstream, temporal_encryption_keys=keys, **site.past_the_gate) as system:
        await system.running("chat")
        uid = system.deployment("chat")["metadata"]["uid"].encode()  # signals tell it, nothing else does
        history = await history_of(site, id_of(system, "chat"))
        codec = data_converter(system.settings).payload_codec
        assert codec is not None
        shown = await show(site, id_of(system, "chat"))
        async with serving(CodecServer(codec, token="t0ken", origins=[]), host="127.0.0.1", port=0) as port:
            endpoint = ("--codec-endpoint", f"http://127.0.0.1:{port}", "--codec-auth", "Bearer t0ken")
            decoded = await show(site, id_of(system, "chat"), *endpoint)

    payloads = list(stored_payloads(history))
    assert {payload.metadata["encoding"] for payload in payloads} == {b"binary/encrypted"}
    assert {payload.metadata["encryption-key-id"] for payload in payloads} == {b"k1"}
    assert uid not in history.SerializeToString()
    assert uid not in parse_json(shown, History()).SerializeToString()
    assert uid in parse_json(decoded, History()).SerializeToString()


async def test_what_a_failure_says_is_encrypted_as_well(site: Site, keys: Path) -> None:
    async with site.system(site.upstream, temporal_encryption_keys=keys, **site.past_the_gate) as system:
        converter = data_converter(system.settings)
        failure = History().events.add().workflow_execution_failed_event_attributes.failure
        try:
            raise ValueError(f"no such model: {MODEL}")
        except ValueError as err:
            await converter.encode_failure(err, failure)

    assert MODEL not in str(failure) and "test_encryption" not in str(failure), "neither message nor trace"
    assert MODEL in str(await converter.decode_failure(failure))


async def show(site: Site, workflow_id: str, *options: str) -> str:
    """What `temporal workflow show` prints."""
    command = [str(Path(sys.executable).with_name("temporal")), "workflow", "show", "-w", workflow_id]
    command += ["--namespace", site.namespace, "--output", "json", *site.cli_options, *options]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
