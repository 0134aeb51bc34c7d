"""What the hub says of a repository, and how its refusals are understood."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import pytest

from airunway.clients.guarded_http import OutboundPolicy
from airunway.clients.huggingface import (
    AccessDenied,
    FileMissing,
    HubAnswerUnusable,
    HubError,
    HubUnavailable,
    HuggingFace,
    RepositoryMissing,
    RevisionMissing,
)
from tests.servers.hub import Hub, HubModel

TOKEN = "hf_seen_by_nobody"
FILES = {"README.md": b"hello", "m-Q4_K_M.gguf": b"weights" * 1000}
OPEN = HubModel(id="acme/Open", files=FILES, license="mit")
PRIVATE = HubModel(id="acme/Private", files=FILES, token=TOKEN)
GATED = HubModel(id="acme/Gated", files=FILES, token=TOKEN, gated=True)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub([OPEN, PRIVATE, GATED]) as running:
        yield running


async def test_a_branch_is_resolved_to_its_commit_and_files(hub: Hub) -> None:
    found = await HuggingFace(hub.url).repository("acme/Open", revision="main")

    assert (found.commit, found.license, found.gated) == (OPEN.commit, "mit", False)
    weights = found.file("m-Q4_K_M.gguf")
    assert weights.size == 7000
    assert weights.sha256 == hashlib.sha256(FILES["m-Q4_K_M.gguf"]).hexdigest()
    assert found.file("README.md").sha256 == "", "git's own files have none"


async def test_a_small_file_is_hashed_by_download(hub: Hub) -> None:
    client = HuggingFace(hub.url)
    found = await client.repository("acme/Open", revision="main")

    assert await client.digest_of(found, "README.md") == hashlib.sha256(b"hello").hexdigest()


async def test_an_older_commit_is_found_by_its_name(hub: Hub) -> None:
    hub.publish(HubModel(id="acme/Open", files={"n.gguf": b"newer"}))

    old = await HuggingFace(hub.url).repository("acme/Open", revision=OPEN.commit)

    assert old.commit == OPEN.commit


@pytest.mark.parametrize(
    ("name", "revision", "error", "message"),
    [
        ("acme/Nothing", "main", RepositoryMissing, "no token is given"),
        ("acme/Private", "main", RepositoryMissing, "huggingFaceToken"),
        ("acme/Open", "v9", RevisionMissing, "no branch, tag or commit v9"),
    ],
)
async def test_what_is_not_there(
    hub: Hub, name: str, revision: str, error: type[HubError], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        await HuggingFace(hub.url).repository(name, revision=revision)

    assert not raised.value.retryable


async def test_a_private_repository_is_seen_with_its_token(hub: Hub) -> None:
    client = HuggingFace(hub.url)

    found = await client.repository("acme/Private", revision="main", token=TOKEN)
    await client.check_access(found, "m-Q4_K_M.gguf", token=TOKEN)

    assert found.commit == PRIVATE.commit


async def test_a_gated_repository_lists_its_files_and_refuses_them(hub: Hub) -> None:
    client = HuggingFace(hub.url)
    found = await client.repository("acme/Gated", revision="main")
    assert found.gated

    with pytest.raises(AccessDenied, match="accept its licence at"):
        await client.check_access(found, "m-Q4_K_M.gguf")
    with pytest.raises(AccessDenied, match="accept its licence") as raised:
        await client.check_access(found, "m-Q4_K_M.gguf", token="hf_another")

    assert "hf_another" not in str(raised.value)
    await client.check_access(found, "m-Q4_K_M.gguf", token=TOKEN)


async def test_a_file_that_is_not_there(hub: Hub) -> None:
    client = HuggingFace(hub.url)
    found = await client.repository("acme/Open", revision="main")

    with pytest.raises(FileMissing, match="no file other"):
        await client.check_access(found, "other.gguf")


async def test_an_overloaded_hub_says_when_to_come_back(hub: Hub) -> None:
    hub.refuse(429, where="api", retry_after=7)

    with pytest.raises(HubUnavailable) as raised:
        await HuggingFace(hub.url).repository("acme/Open", revision="main")

    assert (raised.value.retryable, raised.value.retry_after) == (True, 7)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_hub_that_fails_is_asked_again(hub: Hub, status: int) -> None:
    hub.refuse(status, where="api")

    with pytest.raises(HubUnavailable, match=str(status)):
        await HuggingFace(hub.url).repository("acme/Open", revision="main")


async def test_a_hub_that_is_away(closed_port: int) -> None:
    with pytest.raises(HubUnavailable, match="cannot be reached"):
        await HuggingFace(f"http://127.0.0.1:{closed_port}").repository("acme/Open", revision="main")


async def test_something_else_than_a_hub_is_told_apart(hub: Hub) -> None:
    with pytest.raises(HubAnswerUnusable, match="is it a mirror"):
        await HuggingFace(f"{hub.url}/acme/Open/resolve/main/README.md?").repository("x", revision="main")


async def test_a_token_is_not_sent_on_to_the_content_server(hub: Hub) -> None:
    client = HuggingFace(hub.url, policy=OutboundPolicy(inside_hosts=[hub.content_url]))
    found = await client.repository("acme/Private", revision="main", token=TOKEN)

    await client.digest_of(found, "m-Q4_K_M.gguf", token=TOKEN)

    assert {seen.authorization for seen in hub.requests if seen.where == "cdn"} == {""}


async def test_the_hub_leads_nobody_inside(hub: Hub) -> None:
    client = HuggingFace(hub.url)
    found = await client.repository("acme/Open", revision="main")

    with pytest.raises(HubAnswerUnusable, match="localhost"):
        await client.digest_of(found, "m-Q4_K_M.gguf")

    assert [seen for seen in hub.requests if seen.where == "cdn"] == []
