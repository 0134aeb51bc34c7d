"""An image that was promised is built; the hub's answers, and whether models fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from airunway.clients.kubernetes import DEPLOYMENTS
from airunway.modelimage.naming import PULL_HOST
from airunway.web.derive.compatibility import hub_model, parameters_in_name
from tests.web.place import WebPlace, web_place

MODEL, FILE = "bartowski/gemma-3-1b-it-GGUF", "gemma-3-1b-it.Q8_0.gguf"
REFERENCE = f"{PULL_HOST}/aikit-bartowski-gemma-3-1b-it-gguf:Q8_0"
CREATE = {
    "name": "demo",
    "namespace": "default",
    "modelId": MODEL,
    "engine": "llamacpp",
    "modelSource": "huggingface",
    "ggufRunMode": "build",
    "imageRef": REFERENCE,
}


async def test_a_create_that_names_the_promised_image_has_it_built(place: WebPlace) -> None:
    wanted = {"modelSource": "huggingface", "modelId": MODEL, "ggufFile": FILE}
    promised = (await place.post("/api/aikit/build", wanted)).body
    assert (promised["imageRef"], promised["wasPremade"]) == (REFERENCE, False)

    assert (await place.post("/api/deployments", CREATE)).status == 201

    spec = (await place.cluster.get(DEPLOYMENTS, "demo", namespace="default"))["spec"]
    assert "image" not in spec
    assert spec["engine"]["args"] == {"ggufFile": FILE}


async def test_an_image_under_a_name_of_ones_own_is_known_by_its_promise(place: WebPlace) -> None:
    wanted = {"modelSource": "huggingface", "modelId": MODEL, "ggufFile": FILE}
    named = {**wanted, "imageName": "mine", "imageTag": "1"}
    reference = (await place.post("/api/aikit/build", named)).body["imageRef"]

    made = await place.post("/api/deployments", {**CREATE, "imageRef": reference})

    assert made.status == 201
    spec = (await place.cluster.get(DEPLOYMENTS, "demo", namespace="default"))["spec"]
    assert spec["engine"]["args"] == {"ggufFile": FILE}


@pytest.mark.parametrize("reference", ["registry.example.com/mine:1", f"{PULL_HOST}/mine:1"])
async def test_an_image_that_nobody_promised_is_taken_as_it_is(place: WebPlace, reference: str) -> None:
    assert (await place.post("/api/deployments", {**CREATE, "imageRef": reference})).status == 201

    spec = (await place.cluster.get(DEPLOYMENTS, "demo", namespace="default"))["spec"]
    assert spec["image"] == reference


async def test_where_nothing_is_built_no_image_is_promised(tmp_path: Path) -> None:
    async with web_place(tmp_path, image_builds=False) as place:
        wanted = {"modelSource": "huggingface", "modelId": MODEL, "ggufFile": FILE}
        refused = await place.post("/api/aikit/build", wanted)
        premade = await place.post("/api/aikit/build", {"modelSource": "premade", "premadeModel": "phi4:14b"})

    assert refused.status == 400
    assert "AIRUNWAY_IMAGE_BUILDS=false" in refused.message
    assert premade.status == 200


PREMADE = """
llama3.2:1b   Llama 3.2 | 1B   | llama-3.2-1b-instruct  | Llama
llama3.2:3b   Llama 3.2 | 3B   | llama-3.2-3b-instruct  | Llama
llama3.1:8b   Llama 3.1 | 8B   | llama-3.1-8b-instruct  | Llama
llama3.3:70b  Llama 3.3 | 70B  | llama-3.3-70b-instruct | Llama
mixtral:8x7b  Mixtral   | 8x7B | mixtral-8x7b-instruct  | Apache
phi4:14b      Phi 4     | 14B  | phi-4-14b-instruct     | MIT
gemma2:2b     Gemma 2   | 2B   | gemma-2-2b-instruct    | Gemma
qwq:32b       QwQ       | 32B  | qwq-32b                | Apache 2.0
codestral:22b Codestral | 22B  | codestral-22b          | MNLP
gpt-oss:20b   GPT-OSS   | 20B  | gpt-oss-20b            | Apache 2.0
"""
"""The table of gguf-build.md §9."""


async def test_premade_models_are_called_as_the_contract_says_and_the_catalogue_tells_them_apart(
    place: WebPlace,
) -> None:
    listed = (await place.get("/api/aikit/models")).body["models"]
    shown = {model["id"]: model["name"] for model in (await place.get("/api/models")).body["models"]}

    keys = ("name", "size", "modelName", "license")
    assert {model["id"]: " | ".join(model[key] for key in keys) for model in listed} == {
        line.partition(" ")[0]: " | ".join(part.strip() for part in line.partition(" ")[2].split("|"))
        for line in PREMADE.strip().splitlines()
    }
    assert shown["kaito/llama3.2-3b"] == "Llama 3.2 3B"
    assert len(set(shown.values())) == len(shown)


# -- the hub ---------------------------------------------------------------------------------------------


async def hub_at(answers: dict[str, Any]) -> tuple[web.AppRunner, str]:
    """A hub that gives these answers by path, and its address."""

    async def answer(request: web.Request) -> web.Response:
        found = answers.get(request.path)
        if found is None:
            return web.json_response({"error": "not found"}, status=404)
        return web.json_response(found)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def test_after_a_restart_the_hubs_list_tells_which_file_was_promised(tmp_path: Path) -> None:
    siblings = [
        {"rfilename": name, "size": 10, "lfs": {"sha256": "a" * 64, "size": 10}}
        for name in (FILE, "gemma-3-1b-it.Q4_K_M.gguf", "README.md")
    ]
    listing = {"sha": "c" * 40, "siblings": siblings}
    runner, url = await hub_at({f"/api/models/{MODEL}/revision/main": listing})
    try:
        async with web_place(tmp_path, hugging_face=url) as place:
            assert (await place.post("/api/deployments", CREATE)).status == 201
            spec = (await place.cluster.get(DEPLOYMENTS, "demo", namespace="default"))["spec"]
            assert spec["engine"]["args"] == {"ggufFile": FILE}

            body = {**CREATE, "name": "other", "imageRef": REFERENCE.replace("Q8_0", "Q5_0")}
            refused = await place.post("/api/deployments", body)
            assert refused.status == 409
            assert "build it again" in refused.message
    finally:
        await runner.cleanup()


async def test_search_leaves_out_what_nobody_serves_and_what_is_gated(tmp_path: Path) -> None:
    def entry(identity: str, **more: Any) -> dict[str, Any]:
        return {"id": identity, "pipeline_tag": "text-generation", "library_name": "transformers", **more}

    models = [
        entry("Qwen/Qwen3-8B", config={"architectures": ["Qwen3ForCausalLM"]}, downloads=5),
        entry("acme/strange", config={"architectures": ["StrangeForCausalLM"]}),
        entry("meta/llama-3-8b", gated="manual", downloads=9),
    ]
    runner, url = await hub_at({"/api/models": models})
    try:
        async with web_place(tmp_path, hugging_face=url) as place:
            found = (await place.get("/api/models/search?q=llm")).body
            assert [model["id"] for model in found["models"]] == ["Qwen/Qwen3-8B"]
            assert (found["hasMore"], found["query"]) == (False, "llm")
            with_token = (await place.get("/api/models/search?q=llm", X_HF_Token="hf_x")).body
            assert [model["id"] for model in with_token["models"]] == ["meta/llama-3-8b", "Qwen/Qwen3-8B"]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("identity", "engines"),
    [
        ("meta-llama/Llama-3.1-8B", ["vllm", "sglang", "trtllm"]),
        ("Qwen/Qwen3-30B-A3B-MoE", ["vllm", "sglang", "trtllm"]),
        ("google/gemma-3n-E4B", ["vllm", "sglang"]),
        ("acme/thing-GGUF", ["llamacpp"]),
        ("acme/unheard-of", []),
    ],
)
def test_engines_by_name(identity: str, engines: list[str]) -> None:
    shown = hub_model({"id": identity})

    assert shown["supportedEngines"] == engines
    assert shown["compatible"] is bool(engines)


@pytest.mark.parametrize(
    ("identity", "count"),
    [("a/b-8B", 8_000_000_000), ("a/b-0.6b-it", 600_000_000), ("a/b-350M", 350_000_000), ("a/b8bit", 0)],
)
def test_parameters_by_name(identity: str, count: int) -> None:
    assert parameters_in_name(identity) == count


def test_memory_is_of_the_parameters() -> None:
    shown = hub_model({"id": "a/llama", "safetensors": {"total": 8_000_000_000}})

    assert (shown["estimatedGpuMemoryGb"], shown["estimatedGpuMemory"]) == (18, "18GB")
