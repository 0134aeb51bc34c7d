"""The forms of an answer (crds.md §4.1)."""

from __future__ import annotations

import base64
import json

import pytest

from tests.webhook.calling import Object, Webhooks, deployment, patched


async def test_one_violation_stands_bare(webhooks: Webhooks) -> None:
    response = await webhooks.create(deployment(resources={"gpu": {"count": 65}}))

    assert response["status"] == {
        "code": 403,
        "reason": "Forbidden",
        "message": "spec.resources.gpu.count: Invalid value: 65: exceeds maximum allowed (64)",
    }


async def test_several_violations_are_a_list_in_the_order_of_the_rules(webhooks: Webhooks) -> None:
    spec = {"model": {"source": "custom"}, "resources": {"gpu": {"count": 65}}}
    refused = deployment("v1.2", **spec, provider={"overrides": {"hostPID": True}})

    response = await webhooks.create(refused)

    assert response["status"]["message"] == (
        '[metadata.name: Invalid value: "v1.2": must not contain dots, '
        "spec.resources.gpu.count: Invalid value: 65: exceeds maximum allowed (64), "
        "spec.provider.overrides.hostPID: Forbidden: not allowed: no provider lets this path be overridden; "
        "an administrator can allow it in AIRUNWAY_OVERRIDES_ALLOWED]"
    )


async def test_what_is_demanded_in_all_is_refused_before_it_is_stored(webhooks: Webhooks) -> None:
    wanted = deployment(
        provider={"name": "vllm"},
        engine={"type": "vllm"},
        resources={"gpu": {"count": 8}},
        scaling={"replicas": 32},
    )

    response = await webhooks.create(wanted)

    assert (
        "spec: Forbidden: 256 GPUs are demanded in all, at most 128 are allowed (AIRUNWAY_MAX_GPUS)"
    ) in response["status"]["message"]


@pytest.mark.parametrize("webhook", ["default", "create"])
@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"scaling": {"replicas": "two"}}, "spec.scaling.replicas"),
        ({"engine": {"trustRemoteCode": "yes"}}, "spec.engine.trustRemoteCode"),
        ({"model": "acme/phi"}, "spec.model"),
    ],
    ids=["text for a number", "text for a switch", "text for an object"],
)
async def test_what_cannot_be_decoded_is_a_bad_request(
    webhooks: Webhooks, webhook: str, spec: Object, field: str
) -> None:
    response = await getattr(webhooks, webhook)(deployment(**spec))

    assert not response["allowed"]
    assert response["status"]["code"] == 400
    assert response["status"]["message"].startswith(f"{field}: Invalid type")
    assert "reason" not in response["status"]


async def test_a_size_that_is_no_quantity_is_a_bad_request(webhooks: Webhooks) -> None:
    volumes = [{"name": "w", "purpose": "modelCache", "size": "abc"}]

    response = await webhooks.default(deployment(model={"id": "a/b", "storage": {"volumes": volumes}}))

    assert response["status"]["code"] == 400
    assert response["status"]["message"].startswith("spec.model.storage.volumes[0].size: ")


@pytest.mark.parametrize("obj", [None, [], "text", {"kind": "Pod", "apiVersion": "v1"}])
async def test_what_is_no_deployment_is_a_bad_request(webhooks: Webhooks, obj: object) -> None:
    for response in (await webhooks.default(obj), await webhooks.create(obj)):  # type: ignore[arg-type]
        assert response["status"]["code"] == 400


async def test_the_patch_holds_what_is_filled_in_and_nothing_else(webhooks: Webhooks) -> None:
    volume = {"name": "weights", "purpose": "modelCache", "size": "2048Mi"}
    given = deployment(
        "tiny", model={"id": "acme/tiny-1b", "storage": {"volumes": [volume]}}, engine={"type": "vllm"}
    )

    response = await webhooks.default(given)

    at = "/spec/model/storage/volumes/0"
    assert response["allowed"]
    assert sorted(json.loads(base64.b64decode(response["patch"])), key=lambda entry: entry["path"]) == [
        {"op": "add", "path": "/spec/model/source", "value": "huggingface"},
        {"op": "add", "path": f"{at}/accessMode", "value": "ReadWriteMany"},
        {"op": "add", "path": f"{at}/claimName", "value": "tiny-weights"},
        {"op": "add", "path": f"{at}/mountPath", "value": "/model-cache"},
        {"op": "replace", "path": f"{at}/size", "value": "2Gi"},
        {"op": "add", "path": "/spec/resources", "value": {"gpu": {"count": 1, "type": "nvidia.com/gpu"}}},
        {"op": "add", "path": "/spec/scaling", "value": {"replicas": 1}},
        {"op": "add", "path": "/spec/serving", "value": {"mode": "aggregated"}},
    ]


async def test_explicit_zeros_and_unknown_data_survive(webhooks: Webhooks) -> None:
    given = deployment(
        engine={"enablePrefixCaching": False, "contextLength": 0},
        scaling={"replicas": 0},
        gateway={"enabled": False},
        provider={"overrides": {"a/b~c": None, "n": 1.0}},
    )

    after = patched(given, await webhooks.default(given))

    assert after["spec"] == given["spec"] | {
        "model": {"id": "acme/phi", "source": "huggingface"},
        "serving": {"mode": "aggregated"},
    }


async def test_what_is_complete_gets_no_patch(webhooks: Webhooks) -> None:
    once = patched(deployment(), await webhooks.default(deployment()))

    response = await webhooks.default(once)

    assert response == {"uid": response["uid"], "allowed": True}


async def test_a_dry_run_is_answered_the_same(webhooks: Webhooks) -> None:
    refused = deployment(resources={"gpu": {"count": 65}})

    dry, wet = await webhooks.create(refused, dryRun=True), await webhooks.create(refused)

    assert dry | {"uid": ""} == wet | {"uid": ""}
