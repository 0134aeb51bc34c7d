"""The objects are those of the contract's worked example."""

from __future__ import annotations

import yaml

from airunway.gateway.capabilities import PoolPlace
from airunway.gateway.kinds import ALL_KNOWN, kinds_served
from airunway.gateway.objects import (
    destination_rule,
    granted_namespaces,
    permits,
    pool,
    reference_grant,
    route,
)
from airunway.gateway.picker import picker_objects
from airunway.gateway.versions import DEFAULT_IMAGE
from airunway.web.derive.gateway import gateway_crd_status
from airunway.web.routes.prerequisites import GATEWAY_COMMANDS
from tests.gateway.given import deployment

OWNER = {
    "apiVersion": "airunway.ai/v1alpha1",
    "kind": "ModelDeployment",
    "name": "mistral",
    "uid": "uid-mistral",
    "controller": True,
    "blockOwnerDeletion": True,
}
HEAD = {"name": "mistral", "namespace": "team-a", "ownerReferences": [OWNER]}
PICKER = {**HEAD, "name": "mistral-epp"}


def test_the_pool() -> None:
    assert pool(deployment(), ALL_KNOWN, selector={}, port=8000) == {
        "apiVersion": "inference.networking.k8s.io/v1",
        "kind": "InferencePool",
        "metadata": HEAD,
        "spec": {
            "selector": {"matchLabels": {"airunway.ai/model-deployment": "mistral"}},
            "targetPorts": [{"number": 8000}],
            "endpointPickerRef": {"name": "mistral-epp", "port": {"number": 9002}},
        },
    }


def test_the_route() -> None:
    made = route(
        deployment(),
        ALL_KNOWN,
        gateway=("edge", "inference-gateway"),
        section="",
        model_name="mistral-7b",
        wanted_name="mistral-7b",
        backend=PoolPlace(namespace="team-a", name="mistral"),
        timeout="300s",
    )
    labels = made["metadata"].pop("labels")

    assert list(labels) == ["airunway.ai/gateway-model"]
    assert made == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": HEAD,
        "spec": yaml.safe_load(
            """
            parentRefs: [{name: inference-gateway, namespace: edge}]
            rules:
            - matches:
              - path: {type: PathPrefix, value: /}
                headers: [{type: Exact, name: X-Gateway-Model-Name, value: mistral-7b}]
              backendRefs:
              - {group: inference.networking.k8s.io, kind: InferencePool, name: mistral, namespace: team-a}
              timeouts: {request: 300s}
            """
        ),
    }


def test_the_picker() -> None:
    made = picker_objects(deployment(), image="", config="")

    assert [obj["kind"] for obj in made] == [
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "Deployment",
        "Service",
    ]
    account, role, binding, config, *_ = made
    labelled = {**PICKER, "labels": {"airunway.ai/publishes": "mistral"}}
    assert all(obj["metadata"] == labelled for obj in made)
    assert list(account) == ["apiVersion", "kind", "metadata"]
    assert {(rule["apiGroups"][0], *rule["resources"]): sorted(rule["verbs"]) for rule in role["rules"]} == {
        ("", "pods"): ["get", "list", "watch"],
        ("inference.networking.k8s.io", "inferencepools"): ["get", "list", "watch"],
        (
            "inference.networking.x-k8s.io",
            "inferenceobjectives",
            "inferencemodelrewrites",
        ): ["get", "list", "watch"],
        ("coordination.k8s.io", "leases"): ["create", "get", "update"],
    }
    assert binding["roleRef"]["name"] == binding["subjects"][0]["name"] == "mistral-epp"
    assert config["data"] == {
        "default-plugins.yaml": "apiVersion: inference.networking.x-k8s.io/v1alpha1\n"
        "kind: EndpointPickerConfig\n"
    }


def test_what_runs_the_picker() -> None:
    *_, workload, service = picker_objects(deployment(), image="", config="")

    spec = workload["spec"]
    labels = {
        "app.kubernetes.io/name": "mistral-epp",
        "app.kubernetes.io/instance": "mistral",
        "app.kubernetes.io/managed-by": "airunway",
    }
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == labels
    (container,) = spec["template"]["spec"]["containers"]
    assert container["image"] == "registry.k8s.io/gateway-api-inference-extension/epp:v1.5.0"
    assert container["args"] == [
        "--pool-name",
        "mistral",
        "--pool-namespace",
        "team-a",
        "--zap-encoder",
        "json",
        "--config-file",
        "/config/default-plugins.yaml",
        "--tracing=false",
    ]
    assert [port["containerPort"] for port in container["ports"]] == [9002, 9003]
    assert service["spec"]["selector"] == labels
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["name"], port["appProtocol"]) == (9002, "grpc-ext-proc", "kubernetes.io/h2c")


def test_the_picker_runs_where_the_servers_of_the_deployment_may() -> None:
    given = deployment(
        nodeSelector={"pool": "models"},
        tolerations=[{"key": "models", "operator": "Exists"}],
        podTemplate={"metadata": {"labels": {"team": "a", "app": "mistral"}, "annotations": {"a.b/c": "d"}}},
    )
    given.metadata.annotations["airunway.ai/image-pull-secrets"] = "regcred, second"

    template = picker_objects(given, image="", config="")[4]["spec"]["template"]

    pod, metadata = template["spec"], template["metadata"]
    assert pod["nodeSelector"] == {"pool": "models"}
    assert pod["tolerations"] == [{"key": "models", "operator": "Exists"}]
    assert pod["imagePullSecrets"] == [{"name": "regcred"}, {"name": "second"}]
    assert pod["enableServiceLinks"] is False
    # A Service may select the servers by a label that names the deployment: no picker is one of them.
    assert metadata["labels"]["team"] == "a" and "app" not in metadata["labels"]
    assert metadata["annotations"]["a.b/c"] == "d" and "airunway.ai/picker-config" in metadata["annotations"]


def test_another_configuration_starts_the_picker_anew() -> None:
    def template(config: str) -> object:
        return picker_objects(deployment(), image="own:1", config=config)[4]["spec"]["template"]

    assert template("a") == template("a")
    assert template("a") != template("b")


def test_the_rule_for_istio() -> None:
    kind = kinds_served({"networking.istio.io/v1": {"DestinationRule": "destinationrules"}}).get(
        "DestinationRule"
    )
    assert kind is not None

    made = destination_rule(deployment(), kind, picker_service="mistral-epp")

    assert made["apiVersion"] == "networking.istio.io/v1"
    assert made["metadata"] == PICKER
    assert made["spec"] == {
        "host": "mistral-epp.team-a.svc.cluster.local",
        "trafficPolicy": {"tls": {"mode": "SIMPLE", "insecureSkipVerify": True}},
    }


def test_a_grant_permits_what_it_names() -> None:
    meta = {"name": "dyn-pool", "namespace": "dyn-sys", "uid": "p"}
    pool_obj = {"apiVersion": "v", "metadata": meta}
    grant = reference_grant(ALL_KNOWN["ReferenceGrant"], pool_obj, namespaces={"b", "a"})

    assert (grant["apiVersion"], grant["metadata"]["name"]) == (
        "gateway.networking.k8s.io/v1beta1",
        "dyn-pool-referencegrant",
    )
    assert grant["metadata"]["ownerReferences"][0]["uid"] == "p"
    assert granted_namespaces(grant) == {"a", "b"}
    assert permits(grant, namespace="a", pool_name="dyn-pool")
    assert not permits(grant, namespace="c", pool_name="dyn-pool")
    assert not permits(grant, namespace="a", pool_name="other")


def test_versions_are_those_that_are_served() -> None:
    v1 = {"Gateway": "gateways", "HTTPRoute": "httproutes", "ReferenceGrant": "referencegrants"}
    only_v1 = kinds_served({"gateway.networking.k8s.io/v1": v1})

    assert only_v1["ReferenceGrant"].api_version == "gateway.networking.k8s.io/v1"
    assert not only_v1.complete
    assert only_v1.missing == "InferencePool (inference.networking.k8s.io/v1)"
    assert ALL_KNOWN.complete
    assert ALL_KNOWN.missing == ""


def test_the_dashboard_names_the_definitions_that_the_objects_are_written_for() -> None:
    status = gateway_crd_status({}, {}, GATEWAY_COMMANDS)

    assert status["pinnedVersion"] == "v1.5.0"
    assert DEFAULT_IMAGE.endswith(f":{status['pinnedVersion']}")
    gateway_api, extension = status["installCommands"]
    assert "/gateway-api/releases/download/v1.5.1/" in gateway_api
    assert f"/gateway-api-inference-extension/releases/download/{status['pinnedVersion']}/" in extension
