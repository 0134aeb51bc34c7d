"""Unknown fields: ignored, warned of, or refused, as the client asks."""

from __future__ import annotations

import pytest

from kube_emulator.testing import STRATEGIC, Api

from .objects import Space, config_map, deployment, model


async def test_the_client_is_warned_by_default(api: Api, custom: Space):
    body = model("m", nope=1, engine={"neither": 2})

    answer = await api.create(custom.models, body)

    answer.ok()
    assert answer.warnings == (
        '299 - "unknown field \\"spec.engine.neither\\""',
        '299 - "unknown field \\"spec.nope\\""',
    )


async def test_the_client_may_ignore_them(api: Api, custom: Space):
    answer = await api.create(custom.models, model("m", nope=1), query={"fieldValidation": "Ignore"})

    answer.ok()
    assert answer.warnings == ()


async def test_the_client_may_have_them_refused(api: Api, custom: Space):
    body = model("m", nope=1, engine={"neither": 2})

    answer = await api.create(custom.models, body, query={"fieldValidation": "Strict"})

    assert answer.refused(400, "BadRequest")["message"] == (
        'ModelServer in version "v1" cannot be handled as a ModelServer: strict decoding '
        "error: "
        'unknown field "spec.engine.neither", unknown field "spec.nope"'
    )


async def test_built_in_kinds_are_checked_the_same_way(api: Api, space: Space):
    body = deployment("d")
    body["spec"]["template"]["spec"]["containers"][0]["nope"] = 1

    warned = await api.create(space.deployments, body)
    refused = await api.create(space.deployments, body, query={"fieldValidation": "Strict"})

    assert warned.warnings == ('299 - "unknown field \\"spec.template.spec.containers[0].nope\\""',)
    assert refused.refused(400, "BadRequest")["message"] == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field '
        '"spec.template.spec.containers[0].nope"'
    )


async def test_metadata_is_checked_too(api: Api, custom: Space):
    body = model("m")
    body["metadata"]["nope"] = 1

    answer = await api.create(custom.models, body, query={"fieldValidation": "Strict"})

    assert 'unknown field "metadata.nope"' in answer.refused(400, "BadRequest")["message"]


async def test_a_patch_that_adds_an_unknown_field_is_refused_as_invalid(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    await api.create(custom.config_maps, config_map("c"))

    own = await api.patch(f"{custom.models}/m", {"spec": {"nope": 1}}, query={"fieldValidation": "Strict"})
    plain = await api.patch(
        f"{custom.config_maps}/c", {"nope": 1}, type=STRATEGIC, query={"fieldValidation": "Strict"}
    )

    own.refused(422, "Invalid")
    assert own.causes[0]["field"] == "patch"
    assert own.message.endswith('strict decoding error: unknown field "spec.nope"')
    assert plain.refused(422, "Invalid")["message"] == (
        ' "" is invalid: patch: Invalid value: "map[nope:1]": strict decoding error: unknown field "nope"'
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"fieldValidation": "Sometimes"}, "fieldValidation"),
        ({"dryRun": "Some"}, "dryRun"),
        ({"fieldManager": "x" * 129}, "fieldManager"),
        ({"fieldManager": "a\nb"}, "fieldManager"),
    ],
)
async def test_options_that_are_not_understood(api: Api, space: Space, query: dict[str, str], field: str):
    answer = await api.create(space.config_maps, config_map("a"), query=query)

    answer.refused(422, "Invalid")
    assert answer.body["details"]["kind"] == "CreateOptions"
    assert [cause["field"] for cause in answer.causes] == [field]
