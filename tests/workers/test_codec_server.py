"""The codec server answers those who know the token, and lets pages of its origins read."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from airunway.clients.payload_codec import EncryptionCodec, EncryptionKeys
from airunway.workers.codec_server import CodecServer, serving

UI = "https://temporal.example.com"
PLAIN: dict[str, Any] = {
    "payloads": [
        {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "InNlY3JldCI="}
    ]  # "secret" as json/plain
}
TOKEN = {"Authorization": "Bearer t0ken"}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "k1").write_bytes(os.urandom(32))
    return folder


@pytest_asyncio.fixture
async def client(keys: Path) -> AsyncIterator[aiohttp.ClientSession]:
    server = CodecServer(EncryptionCodec(EncryptionKeys(keys)), token="t0ken", origins=[f"{UI}/"])
    async with (
        serving(server, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def test_what_it_encodes_it_decodes(client: aiohttp.ClientSession) -> None:
    async with client.post("/encode", json=PLAIN, headers=TOKEN) as answer:
        encoded = await answer.json()
    async with client.post("/decode", json=encoded, headers=TOKEN) as answer:
        decoded = await answer.json()

    assert encoded["payloads"][0]["metadata"]["encoding"] == "YmluYXJ5L2VuY3J5cHRlZA=="
    assert "InNlY3JldCI" not in json.dumps(encoded)
    assert decoded == PLAIN


async def test_the_token_may_stand_in_the_path_for_the_ui(client: aiohttp.ClientSession) -> None:
    async with client.post("/token/t0ken/decode", json=PLAIN) as answer:
        assert await answer.json() == PLAIN


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/decode", {}),
        ("/decode", {"Authorization": "Bearer wrong"}),
        ("/decode", {"Authorization": "t0ken"}),
        ("/decode", {"Authorization": "Bearer "}),
        ("/token/wrong/decode", {}),
        ("/token/wrong/encode", {}),
    ],
)
async def test_without_the_token_nothing_is_decrypted(
    client: aiohttp.ClientSession, path: str, headers: dict[str, str]
) -> None:
    async with client.post(path, json=PLAIN, headers=headers) as answer:
        assert answer.status == 401
        assert "token is missing or wrong" in await answer.text()


async def test_a_browser_is_told_that_the_uis_page_may_read(client: aiohttp.ClientSession) -> None:
    asked = {"Origin": UI, "Access-Control-Request-Method": "POST"}

    async with client.options(
        "/decode", headers={**asked, "Access-Control-Request-Private-Network": "true"}
    ) as answer:
        preflight = answer.headers
        assert answer.status == 204
    async with client.post("/decode", json=PLAIN, headers={**TOKEN, "Origin": UI}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == UI

    assert preflight["Access-Control-Allow-Origin"] == UI
    assert "Authorization" in preflight["Access-Control-Allow-Headers"]
    assert "X-Namespace" in preflight["Access-Control-Allow-Headers"]
    assert preflight["Access-Control-Allow-Private-Network"] == "true"


async def test_another_page_may_not(client: aiohttp.ClientSession) -> None:
    for path in ("/decode", "/token/t0ken/decode"):
        async with client.options(path, headers={"Origin": "https://evil.example"}) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_refusal_can_be_read_by_the_uis_page(client: aiohttp.ClientSession) -> None:
    async with client.post("/decode", json=PLAIN, headers={"Origin": UI}) as answer:
        assert answer.status == 401
        assert answer.headers["Access-Control-Allow-Origin"] == UI


@pytest.mark.parametrize("body", [b"", b"{", b'{"payloads": 1}', b"\xff"])
async def test_what_is_no_payloads_is_refused(client: aiohttp.ClientSession, body: bytes) -> None:
    async with client.post("/decode", data=body, headers=TOKEN) as answer:
        assert answer.status == 400
        assert "no payloads" in await answer.text()


async def test_a_missing_key_is_named(client: aiohttp.ClientSession, keys: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "k9").write_bytes(os.urandom(32))
    stranger = CodecServer(EncryptionCodec(EncryptionKeys(other)), token="t", origins=[])
    async with (
        serving(stranger, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/token/t/encode", json=PLAIN) as answer,
    ):
        encoded = await answer.json()

    async with client.post("/decode", json=encoded, headers=TOKEN) as answer:
        assert answer.status == 400
        assert "'k9'" in await answer.text()
