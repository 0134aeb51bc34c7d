"""Requests no server can answer: unknown paths, methods and formats."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Space, config_map


async def test_an_object_that_is_not_there(api: Api, space: Space):
    status = (await api.get(f"{space.config_maps}/a")).refused(404, "NotFound")

    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "a" not found',
        "reason": "NotFound",
        "details": {"name": "a", "kind": "configmaps"},
        "code": 404,
    }


async def test_a_kind_that_is_not_served(api: Api, space: Space):
    status = (await api.get(f"{space.core}/teapots")).refused(404, "NotFound")

    assert status["message"] == "the server could not find the requested resource"


@pytest.mark.parametrize("path", ["/none", "/apis/none.example.com/v1/teapots"])
async def test_a_path_that_leads_nowhere(api: Api, path: str):
    answer = await api.get(path)

    assert (answer.code, answer.body) == (404, "404 page not found\n")


async def test_a_subresource_that_is_not_served(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))

    assert (await api.get(f"{space.config_maps}/a/status")).code == 404


@pytest.mark.parametrize(("method", "path"), [("POST", "/a"), ("PUT", ""), ("PATCH", "")])
async def test_a_method_that_does_not_fit_the_path(api: Api, space: Space, method: str, path: str):
    answer = await api.call(method, f"{space.config_maps}{path}", config_map("a"))

    assert answer.refused(405, "MethodNotAllowed")["message"] == (
        "the server does not allow this method on the requested resource"
    )


async def test_a_body_in_an_unknown_format(api: Api, space: Space):
    answer = await api.create(space.config_maps, b"{}", type="text/plain")

    assert (
        "the body of the request was in an unknown format"
        in answer.refused(415, "UnsupportedMediaType")["message"]
    )


async def test_a_body_that_is_no_json(api: Api, space: Space):
    answer = await api.create(space.config_maps, b"{")

    message = answer.refused(400, "BadRequest")["message"]
    assert message.startswith(
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind"
    )


async def test_an_answer_in_an_unknown_format(api: Api, space: Space):
    (await api.get(space.config_maps, accept="text/html")).refused(406, "NotAcceptable")


async def test_a_client_that_prefers_protobuf_but_takes_json_gets_json_for_custom_kinds(
    api: Api, custom: Space
):
    answer = await api.get(custom.models, accept="application/vnd.kubernetes.protobuf,application/json")

    assert answer.ok()["kind"] == "ModelServerList"


async def test_another_kind_in_the_body(api: Api, space: Space):
    body = config_map("a") | {"kind": "Secret"}

    answer = await api.create(space.config_maps, body)

    assert answer.refused(400, "BadRequest")["message"].startswith(
        'Secret in version "v1" cannot be handled as a ConfigMap'
    )


async def test_another_version_in_the_body(api: Api, space: Space):
    answer = await api.create(space.config_maps, config_map("a") | {"apiVersion": "v2"})

    assert answer.refused(400, "BadRequest")["message"].startswith(
        'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for '
        'version "v2"'
    )


async def test_a_body_that_only_claims_to_be_protobuf(api: Api, space: Space):
    answer = await api.create(space.config_maps, b"{}", type="application/vnd.kubernetes.protobuf")

    assert answer.refused(400, "BadRequest")["message"] == (
        "the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to "
        "be a protobuf "
        "message, expected prefix [107 56 115 0] ({})"
    )


async def test_a_body_of_more_than_three_mebibytes_is_too_large(api: Api, space: Space):
    answer = await api.create(space.config_maps, config_map("a", {"x": "y" * (3 * 1024 * 1024)}))

    assert answer.refused(413, "RequestEntityTooLarge")["message"] == (
        "Request entity too large: limit is 3145728"
    )


async def test_a_body_of_two_mebibytes_is_read(api: Api, space: Space):
    answer = await api.create(space.config_maps, config_map("a", {"x": "y" * (2 * 1024 * 1024)}))

    assert answer.code in (201, 422)  # what a ConfigMap may hold is another matter
