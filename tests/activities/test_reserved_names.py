"""The names of shared prerequisites are reserved: who is called so, or asks for them, has no say in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from airunway.activities.deployment.installable import installable_among
from airunway.activities.installation.requests import InstallationRequests
from airunway.api import names
from airunway.api.chart_release import ChartAction
from airunway.api.decision import InstallPolicy
from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.kubernetes import CONFIGS, SECRETS, Object
from airunway.installation.prerequisites import GATEWAY_CRDS, GPU_OPERATOR
from airunway.messages.installation import ChartRequest, JoinRequest, Operation
from airunway.messages.refs import DeploymentRef
from tests.activities.install_site import SYSTEM, Site, failure, package, run
from tests.activities.prerequisite_site import installed, preflight, request

EVIL = "https://evil.example.com/charts/op-1.0.0.tgz"


async def takes_the_name(site: Site, name: str) -> None:
    """Somebody registers a provider that is called like a prerequisite."""
    chart = {"name": "evil", "chart": EVIL, "namespace": "kube-system"}
    said = {
        "airunway.ai/installation": {"helmCharts": [chart], "crdFiles": [{"name": "evil", "url": EVIL}]},
        "airunway.ai/health": {"crds": [f"{CONFIGS.plural}.airunway.ai"]},
    }
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "InferenceProviderConfig",
        "metadata": {"name": name, "annotations": {key: json.dumps(value) for key, value in said.items()}},
        "spec": {"capabilities": {"engines": [{"name": "vllm", "requiresCRD": False}]}},
    }
    await site.cluster.apply(CONFIGS, body, field_manager="evil")


@pytest.mark.parametrize("name", [GPU_OPERATOR.id, GATEWAY_CRDS.id])
async def test_a_provider_of_the_same_name_changes_nothing(there: Site, name: str) -> None:
    before = (await preflight(there, name)).model_dump()

    await takes_the_name(there, name)
    there.packages[name] = package(installation=json.dumps({"helmCharts": [{"chart": EVIL}]}))

    assert (await preflight(there, name)).model_dump() == before
    await installed(there, name)
    assert "evil" not in repr(there.helm.__dict__)


@pytest.mark.parametrize("name", [GPU_OPERATOR.id, GATEWAY_CRDS.id])
async def test_a_prerequisite_is_never_taken_away(there: Site, name: str) -> None:
    await installed(there, name)
    kept = {"metadata": {"name": names.values_secret(name)}, "stringData": {"values.yaml": "{}"}}
    await there.cluster.create(SECRETS, kept, namespace=SYSTEM)
    (chart, *_) = (await preflight(there, name)).charts
    gone = request(name, Operation.UNINSTALL)

    errors = [
        await failure(preflight(there, name, Operation.UNINSTALL)),
        await failure(run(there.activities.uninstall_chart, ChartRequest(request=gone, chart=chart))),
        await failure(run(there.activities.finish_uninstall, gone)),
    ]

    assert {(err.type, err.non_retryable) for err in errors} == {("SharedPrerequisite", True)}
    assert "is not uninstalled from here" in errors[0].message
    assert (await preflight(there, name)).charts[0].action is ChartAction.NONE
    assert await there.cluster.find(SECRETS, names.values_secret(name), namespace=SYSTEM)
    assert "uninstall" not in there.helm.log


@pytest.mark.parametrize("name", [GPU_OPERATOR.id, GATEWAY_CRDS.id])
async def test_no_deployment_has_a_prerequisite_installed(name: str) -> None:
    ref = DeploymentRef(cluster="here", namespace="default", name="demo")
    client: Client = None  # type: ignore[assignment]  # it is not asked
    requests = InstallationRequests(client, cluster_name="here")

    err = await failure(requests.request_installation(JoinRequest(ref=ref, provider=name)))

    assert err.non_retryable
    assert "no deployment has it installed" in err.message


@pytest.mark.parametrize(("name", "counts"), [("acme", True), (GPU_OPERATOR.id, False)])
def test_a_provider_of_such_a_name_is_no_candidate_for_its_operators_sake(name: str, counts: bool) -> None:
    now = datetime(2026, 1, 5, 9, tzinfo=UTC)
    chart = {"name": "op", "chart": "oci://charts.example.com/op", "version": "1.0.0", "namespace": "op"}
    said = {"airunway.ai/installation": json.dumps({"helmCharts": [chart]})}
    obj: Object = {
        "metadata": {"name": name, "annotations": said},
        "spec": {"capabilities": {"engines": [{"name": "vllm"}]}},
        "status": {"ready": False, "lastHeartbeat": now.isoformat()},
    }
    listed = [(InferenceProviderConfig.model_validate(obj), obj)]

    found = installable_among(listed, InstallPolicy.AUTO, alive_since=now - timedelta(minutes=3))

    assert (name in found.names) is counts
