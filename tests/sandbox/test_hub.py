"""The pretend hub answers as the real one does, as far as a client looks; the tests' hub can also fail."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from gguf import GGUFReader
from yarl import URL

from airunway.sandbox.hub import MAX_MADE_UP, PretendHub
from airunway.sandbox.hub_models import DEFAULT_MODELS, TOKEN, small_gguf
from tests.servers.hub import Hub, HubModel, resolve_url

WEIGHTS = bytes(range(256)) * 4000
OPEN = HubModel(id="acme/open", files={"README.md": b"# read me", "a b.gguf": WEIGHTS})
PRIVATE = HubModel(id="acme/private", files={"a.gguf": WEIGHTS}, token="s3cret")
GATED = HubModel(id="acme/gated", files={"a.gguf": WEIGHTS}, token="s3cret", gated=True)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub([OPEN, PRIVATE, GATED]) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_listing_names_commit_sizes_and_hashes(hub: Hub, http: aiohttp.ClientSession) -> None:
    url = f"{hub.url}/api/models/acme/open/revision/main?blobs=true"

    listing = await (await http.get(url)).json()

    assert listing["sha"] == OPEN.commit
    readme, weights = listing["siblings"]
    assert readme["rfilename"] == "README.md" and "lfs" not in readme
    assert weights["lfs"]["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert weights["size"] == weights["lfs"]["size"] == len(WEIGHTS)


async def test_without_blobs_only_names_are_listed(hub: Hub, http: aiohttp.ClientSession) -> None:
    listing = await (await http.get(f"{hub.url}/api/models/acme/open")).json()

    assert listing["siblings"] == [{"rfilename": "README.md"}, {"rfilename": "a b.gguf"}]


async def test_an_older_commit_stays(hub: Hub, http: aiohttp.ClientSession) -> None:
    hub.publish(HubModel(id="acme/open", files={"a b.gguf": b"new"}))

    old = await http.get(resolve_url(hub.url, "acme/open", OPEN.commit, "a b.gguf"))
    new = await http.get(resolve_url(hub.url, "acme/open", "main", "a b.gguf"))

    assert (await old.read(), await new.read()) == (WEIGHTS, b"new")


async def test_weights_come_from_the_content_server_without_the_token(
    hub: Hub, http: aiohttp.ClientSession
) -> None:
    url = resolve_url(hub.url, "acme/private", PRIVATE.commit, "a.gguf")

    answer = await http.get(url, headers={"Authorization": "Bearer s3cret"})

    assert await answer.read() == WEIGHTS
    assert answer.history[0].headers["X-Linked-Size"] == str(len(WEIGHTS))
    assert [(seen.where, seen.authorization) for seen in hub.requests] == [
        ("resolve", "Bearer s3cret"),
        ("cdn", ""),
    ]


async def test_the_content_server_wants_a_signature(hub: Hub, http: aiohttp.ClientSession) -> None:
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()

    async with http.get(f"{hub.url}/cdn/{sha256}") as answer:
        assert answer.status == 403


async def test_a_part_of_a_file_can_be_asked_for(hub: Hub, http: aiohttp.ClientSession) -> None:
    url = resolve_url(hub.url, "acme/open", "main", "a b.gguf")

    part = await http.get(url, headers={"Range": "bytes=1000-1999"})
    body = await part.read()
    beyond = await http.get(url, headers={"Range": f"bytes={len(WEIGHTS)}-"})
    await beyond.read()

    assert (part.status, body) == (206, WEIGHTS[1000:2000])
    assert part.headers["Content-Range"] == f"bytes 1000-1999/{len(WEIGHTS)}"
    assert beyond.status == 416


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("api/models/acme/private", "", 401, "RepoNotFound"),
        ("api/models/acme/private", "wrong", 404, "RepoNotFound"),
        ("api/models/acme/none", "", 401, "RepoNotFound"),
        ("api/models/acme/open/revision/feed", "", 404, "RevisionNotFound"),
        ("acme/open/resolve/main/none.gguf", "", 404, "EntryNotFound"),
        ("acme/gated/resolve/main/a.gguf", "", 401, "GatedRepo"),
        ("acme/gated/resolve/main/a.gguf", "wrong", 403, "GatedRepo"),
    ],
)
async def test_a_refusal_says_why(
    hub: Hub, http: aiohttp.ClientSession, path: str, token: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async with http.get(f"{hub.url}/{path}", headers=headers) as answer:
        pass

    assert (answer.status, answer.headers["X-Error-Code"]) == (status, code)


async def test_a_fault_strikes_as_often_as_told(hub: Hub, http: aiohttp.ClientSession) -> None:
    url = resolve_url(hub.url, "acme/open", "main", "a b.gguf")
    hub.refuse(429, times=1, retry_after=7)

    async with http.get(url) as first, http.get(url) as second:
        pass

    assert (first.status, first.headers["Retry-After"], second.status) == (429, "7", 200)


async def test_a_dropped_download_ends_early(hub: Hub, http: aiohttp.ClientSession) -> None:
    hub.drop(after=300_000)

    async with http.get(resolve_url(hub.url, "acme/open", "main", "a b.gguf")) as answer:
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_other_bytes_have_the_announced_length(hub: Hub, http: aiohttp.ClientSession) -> None:
    hub.swap(b"other")

    answer = await http.get(resolve_url(hub.url, "acme/open", "main", "a b.gguf"))

    body = await answer.read()
    assert body != WEIGHTS and len(body) == len(WEIGHTS)


async def test_a_held_download_is_seen_when_its_client_leaves(hub: Hub, http: aiohttp.ClientSession) -> None:
    hub.hold_after(1)

    answer = await http.get(resolve_url(hub.url, "acme/open", "main", "a b.gguf"))
    await hub.held.wait()
    answer.close()

    await hub.left.wait()
    assert hub.unfinished == 1


async def test_a_file_on_disk_is_served_too(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(WEIGHTS)
    model = HubModel(id="acme/disk", files={"a.gguf": tmp_path / "big"})

    async with Hub([model]) as hub:
        answer = await http.get(resolve_url(hub.url, "acme/disk", model.commit, "a.gguf"))

        assert await answer.read() == WEIGHTS


def test_the_default_models_are_gguf_files(tmp_path: Path) -> None:
    for name, content in DEFAULT_MODELS[0].files.items():
        if name.endswith(".gguf"):
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else b"")
            reader = GGUFReader(tmp_path / name)
            assert [tensor.name for tensor in reader.tensors] == ["token_embd.weight"]
            assert "llama.context_length" in reader.fields


def test_a_generated_file_is_the_same_each_time() -> None:
    assert small_gguf("a", quantisation=7) == small_gguf("a", quantisation=7)


# -- models that are made up ----------------------------------------------------------------------------


@pytest.mark.parametrize("repo", ["Qwen/Qwen3-0.6B", "google/gemma-3-1b-it-qat-q8_0-gguf", "gpt2", "a/b.c_d"])
async def test_any_name_that_could_be_a_models_is_one(http: aiohttp.ClientSession, repo: str) -> None:
    async with PretendHub(any_model=True) as hub:
        listing = await (await http.get(f"{hub.url}/api/models/{repo}/revision/main?blobs=true")).json()
        weights = [entry for entry in listing["siblings"] if entry["rfilename"].endswith(".gguf")]
        url = resolve_url(hub.url, repo, listing["sha"], weights[0]["rfilename"])
        content = await (await http.get(url)).read()
    async with PretendHub(any_model=True) as another:
        again = await (await http.get(f"{another.url}/api/models/{repo}")).json()

    assert {"config.json", "model.safetensors"} <= {entry["rfilename"] for entry in listing["siblings"]}
    assert hashlib.sha256(content).hexdigest() == weights[0]["lfs"]["sha256"]
    assert listing["sha"] == again["sha"]


NO_MODELS = ["missing/model", "a--b/c", "a/..", "a/b.git", f"a/{'x' * 97}", "a/b/c", "-a/b"]


@pytest.mark.parametrize("repo", NO_MODELS)
async def test_what_could_be_no_model_is_not_there(http: aiohttp.ClientSession, repo: str) -> None:
    async with PretendHub(any_model=True) as hub:
        answer = await http.get(URL(f"{hub.url}/api/models/{repo}", encoded=True))

        assert answer.status in (401, 404)


@pytest.mark.parametrize(("owner", "listed", "refused"), [("gated", 200, 401), ("private", 401, 401)])
async def test_some_owners_want_the_token(
    http: aiohttp.ClientSession, owner: str, listed: int, refused: int
) -> None:
    async with PretendHub(any_model=True) as hub:
        page = f"{hub.url}/api/models/{owner}/m"
        file = resolve_url(hub.url, f"{owner}/m", "main", "config.json")
        login = {"Authorization": f"Bearer {TOKEN}"}

        without = [(await http.get(url)).status for url in (page, file)]
        let_in = [(await http.get(url, headers=login)).status for url in (page, file)]

    assert without == [listed, refused]
    assert let_in == [200, 200]


async def test_made_up_models_do_not_heap_up(http: aiohttp.ClientSession) -> None:
    async with PretendHub(any_model=True) as hub:
        for number in range(MAX_MADE_UP + 1):
            assert (await http.get(f"{hub.url}/api/models/a/m{number}")).status == 200

        assert len(hub._made_up) == MAX_MADE_UP
        assert (await http.get(f"{hub.url}/api/models/a/m0")).status == 200
