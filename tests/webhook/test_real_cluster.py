"""A real API server asks the webhooks: what a user sees, and what must never be held up."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.kubernetes import CONFIGS, SECRETS
from airunway.webhook.keeper import CONFIGURATIONS
from tests.servers.cluster import Cluster as Servers
from tests.webhook.calling import deployment
from tests.webhook.real import SYSTEM, Installation, Object, Response, User, installation

pytestmark = pytest.mark.real

DENIED = 'admission webhook "vmodeldeployment-v1alpha1.kb.io" denied the request: '
FINALIZER = "airunway.ai/kaito-provider"


@pytest.fixture
async def site(real_cluster: Servers, real_namespace: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """Without webhooks yet."""
    async with installation(real_cluster, real_namespace, tmp_path) as here:
        yield here


@pytest.fixture
async def user(site: Installation) -> AsyncIterator[User]:
    """With webhooks."""
    await site.register()
    async with site.running():
        yield site.user


def new(name: str, **spec: Any) -> Object:
    obj = deployment(name, **spec)
    del obj["metadata"]["namespace"]
    return obj


def denied(response: Response) -> str:
    """What the validating webhook said."""
    assert response.status == 403, response.body
    assert response.body["reason"] == "Forbidden"
    assert response.message.startswith(DENIED)
    return response.message.removeprefix(DENIED)


async def test_a_new_object_is_stored_with_its_defaults(user: User) -> None:
    volume = {"name": "weights", "purpose": "modelCache", "size": "2048Mi"}
    model = {"id": "acme/tiny-1b", "storage": {"volumes": [volume]}}

    created = await user.create(new("tiny", model=model, engine={"type": "vllm"}))

    assert created.status == 201, created.body
    assert (await user.get("tiny")).body["spec"] == {
        "engine": {
            "type": "vllm",
            "trustRemoteCode": False,
            "enablePrefixCaching": True,
            "enforceEager": False,
        },
        "model": {
            "id": "acme/tiny-1b",
            "source": "huggingface",
            "storage": {
                "volumes": [
                    {
                        "name": "weights",
                        "purpose": "modelCache",
                        "mountPath": "/model-cache",
                        "claimName": "tiny-weights",
                        "accessMode": "ReadWriteMany",
                        "readOnly": False,
                        "size": "2Gi",
                    }
                ]
            },
        },
        "resources": {"gpu": {"count": 1, "type": "nvidia.com/gpu"}},
        "scaling": {"replicas": 1},
        "serving": {"mode": "aggregated"},
    }


async def test_explicit_zeros_are_stored(user: User) -> None:
    spec = {"scaling": {"replicas": 0}, "engine": {"enablePrefixCaching": False}}

    stored = (await user.create(new("zero", **spec))).body["spec"]

    assert stored["scaling"] == {"replicas": 0}
    assert stored["engine"]["enablePrefixCaching"] is False


async def test_a_refusal_as_a_user_sees_it(user: User) -> None:
    spec = {"model": {"source": "custom"}, "resources": {"gpu": {"count": 65}}}

    response = await user.create(new("v1.2", **spec, provider={"overrides": {"hostPID": True}}))

    assert denied(response) == (
        '[metadata.name: Invalid value: "v1.2": must not contain dots, '
        "spec.resources.gpu.count: Invalid value: 65: exceeds maximum allowed (64), "
        "spec.provider.overrides.hostPID: Forbidden: not allowed: no provider lets this path be overridden; "
        "an administrator can allow it in AIRUNWAY_OVERRIDES_ALLOWED]"
    )


async def test_a_missing_model_is_the_webhooks_error(user: User) -> None:
    response = await user.create({**new("bare"), "spec": {}})

    assert denied(response).startswith("spec.model.id: Required value: model.id is required")


async def test_the_schema_speaks_alone(user: User) -> None:
    refused = new("x.y", engine={"type": "tgi"}, resources={"gpu": {"count": 65}})

    response = await user.create(refused)

    assert response.status == 422
    assert "spec.engine.type: Unsupported value" in response.message
    assert "metadata.name" not in response.message and "exceeds" not in response.message


async def test_an_unreadable_size_is_a_bad_request(user: User) -> None:
    volumes = [{"name": "w", "purpose": "modelCache", "size": "abc"}]

    response = await user.create(new("size", model={"id": "a/b", "storage": {"volumes": volumes}}))

    assert response.status == 400
    assert 'admission webhook "mmodeldeployment-v1alpha1.kb.io" denied the request: ' in response.message
    assert "spec.model.storage.volumes[0].size" in response.message


async def test_warnings_reach_the_user(user: User) -> None:
    risky = {"trustRemoteCode": True}

    allowed = await user.create(new("7b-risky", engine=risky))
    refused = await user.create(new("risky", engine=risky, resources={"gpu": {"count": 65}}))

    assert allowed.status == 201 and refused.status == 403
    assert [line.split(" ")[0] for line in allowed.warnings] == ["trustRemoteCode=true", "metadata.name"]
    assert [line.split(" ")[0] for line in refused.warnings] == ["trustRemoteCode=true"]


async def test_an_update_is_judged_against_what_is_stored(user: User) -> None:
    stored = (await user.create(new("kept", engine={"type": "vllm"}))).body
    changed = copy.deepcopy(stored)
    changed["spec"]["model"]["id"] = "acme/other"
    changed["spec"]["engine"]["type"] = "sglang"

    response = await user.replace(changed)

    message = denied(response)
    assert message.startswith('[spec.model.id: Invalid value: "acme/other": model.id is immutable')
    assert 'spec.engine.type: Invalid value: "sglang": engine.type is immutable' in message
    assert (await user.merge("kept", {"spec": {"scaling": {"replicas": 0}}})).status == 200
    assert (await user.get("kept")).body["spec"]["scaling"]["replicas"] == 0
    assert (await user.delete("kept")).status == 200


async def test_a_generated_name_gets_its_claim_name_from_the_deployment(user: User) -> None:
    volumes = [{"name": "w", "purpose": "modelCache", "size": "1Gi"}]
    obj = new("", model={"id": "a/b", "storage": {"volumes": volumes}})
    obj["metadata"] = {"generateName": "gen-"}

    created = await user.create(obj)

    assert created.status == 201, created.body


async def test_a_pinned_provider_must_be_registered(site: Installation, user: User) -> None:
    # A name of its own: the cluster is shared, and other tests leave providers behind.
    pinned = new("pinned", provider={"name": "initech"}, engine={"type": "vllm"})
    engines = [{"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True}]
    config = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "InferenceProviderConfig",
        "metadata": {"name": "initech"},
        "spec": {"capabilities": {"engines": engines}},
    }
    assert denied(await user.create(pinned)) == (
        'spec.provider.name: Invalid value: "initech": InferenceProviderConfig "initech" not found'
    )

    await site.cluster.create(CONFIGS, config)
    created = await user.create(pinned)  # at once: the watch may not have shown it yet
    await site.cluster.delete(CONFIGS, "initech")

    assert created.status == 201, created.body


async def test_a_dry_run_is_judged_and_stores_nothing(user: User) -> None:
    dry = await user.create(new("dry"), query="?dryRun=All")

    assert dry.status == 201 and dry.body["spec"]["scaling"] == {"replicas": 1}
    assert (await user.get("dry")).status == 404


async def test_what_was_stored_before_can_be_labelled_and_deleted(site: Installation) -> None:
    user = site.user
    invalid = new("old", model={}, provider={"name": "gone"}, engine={"type": "vllm"})
    invalid["metadata"]["finalizers"] = [FINALIZER]
    assert (await user.create(invalid)).status == 201
    await site.register()
    async with site.running():
        assert denied(await user.merge("old", {"spec": {"image": "a/b:1"}})).startswith("[spec.model.id")
        assert (await user.merge("old", {"metadata": {"labels": {"team": "a"}}})).status == 200

        assert (await user.delete("old")).status == 200
        assert (await user.get("old")).body["metadata"]["deletionTimestamp"]
        freed = await user.merge("old", {"metadata": {"finalizers": None}})

        assert freed.status == 200, freed.body
        assert (await user.get("old")).status == 404


async def test_a_finalizer_comes_off_by_a_whole_update_too(site: Installation) -> None:
    user = site.user
    invalid = new("old", model={})
    invalid["metadata"]["finalizers"] = [FINALIZER]
    await user.create(invalid)
    await user.delete("old")
    await site.register()
    async with site.running():
        whole = (await user.get("old")).body
        del whole["metadata"]["finalizers"], whole["metadata"]["deletionTimestamp"]

        assert (await user.replace(whole)).status == 200
        assert (await user.get("old")).status == 404


async def test_without_a_server_the_failure_policy_decides(site: Installation) -> None:
    user = site.user
    await site.register()
    async with site.running():
        assert (await user.create(new("there"))).status == 201

    blocked = await user.create(new("blocked"))
    assert blocked.status == 500
    assert 'failed calling webhook "mmodeldeployment-v1alpha1.kb.io"' in blocked.message
    assert (await user.delete("there")).status == 200  # deletions are not asked about

    await site.fail_open()

    async def passes() -> bool:
        return (await user.create(new("passed"))).status == 201

    await site.until(passes)


async def test_a_lost_secret_or_bundle_heals_and_the_api_server_goes_on(site: Installation) -> None:
    await site.register()
    async with site.running():
        await site.cluster.patch(SECRETS, "airunway-webhook-server-cert", {"data": None}, namespace=SYSTEM)
        for kind, name in CONFIGURATIONS:
            patch = [{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]
            await site.cluster.patch(kind, name, patch, content_type="application/json-patch+json")

        async def healed() -> bool:
            for kind, name in CONFIGURATIONS:
                (webhook,) = (await site.cluster.get(kind, name))["webhooks"]
                if "caBundle" not in webhook["clientConfig"]:
                    return False
            return (await site.user.create(new("healed"), query="?dryRun=All")).status == 201

        await site.until(healed)
        assert site.ready()
