"""What the server fills in for built-in kinds, and how it writes what is empty."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, deployment, job, pod, rehearsed, service

CONTAINER = {
    "name": "main",
    "image": "example.com/app:1",
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
POD_SPEC = {
    "containers": [CONTAINER],
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}


async def test_a_deployment(api: Api, space: Space):
    obj = await rehearsed(api, space.deployments, deployment("d", replicas=None))

    assert obj["spec"] == {
        "progressDeadlineSeconds": 600,
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": {"app": "d"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": POD_SPEC},
    }
    assert obj["status"] == {}
    assert obj["metadata"]["generation"] == 1


async def test_a_stateful_set(api: Api, space: Space):
    body = deployment("d", kind="StatefulSet", replicas=None)
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    body["spec"]["volumeClaimTemplates"] = [claim]

    spec = (await rehearsed(api, space.stateful_sets, body))["spec"]

    assert spec["volumeClaimTemplates"] == [
        {
            "kind": "PersistentVolumeClaim",
            "apiVersion": "v1",
            **claim,
            "spec": claim["spec"] | {"volumeMode": "Filesystem"},
            "status": {"phase": "Pending"},
        }
    ]
    del spec["volumeClaimTemplates"]
    assert (
        spec
        == {
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "podManagementPolicy": "OrderedReady",
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"app": "d"}},
            "serviceName": "",
            "template": {"metadata": {"labels": {"app": "d"}}, "spec": POD_SPEC},
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 1, "partition": 0},
            },
        }
        or "serviceName" not in spec
    )


async def test_a_daemon_set(api: Api, space: Space):
    spec = (await rehearsed(api, space.daemon_sets, deployment("d", kind="DaemonSet", replicas=None)))["spec"]

    assert spec == {
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": {"app": "d"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": POD_SPEC},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    }


async def test_a_job_gets_a_selector_of_its_own(api: Api, space: Space):
    obj = await rehearsed(api, space.jobs, job("j", suspend=False))

    uid = obj["metadata"]["uid"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "j",
        "controller-uid": uid,
        "job-name": "j",
    }
    assert obj["spec"] == {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "completions": 1,
        "manualSelector": False,
        "parallelism": 1,
        "podReplacementPolicy": "TerminatingOrFailed",
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
        "suspend": False,
        "template": {"metadata": {"labels": labels}, "spec": POD_SPEC | {"restartPolicy": "Never"}},
    }
    assert obj["metadata"]["labels"] == labels


async def test_a_pod(api: Api, space: Space):
    obj = (await api.create(space.pods, pod("p"))).ok()

    spec = obj["spec"]
    tolerations = spec.pop("tolerations")
    assert spec == POD_SPEC | {
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
    }
    assert {toleration["key"]: toleration["tolerationSeconds"] for toleration in tolerations} == {
        "node.kubernetes.io/not-ready": 300,
        "node.kubernetes.io/unreachable": 300,
    }
    assert obj["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"nvidia.com/gpu": "1"}}, "BestEffort"),
    ],
)
async def test_a_pods_quality_of_service(api: Api, space: Space, resources: Obj, quality: str):
    body = pod("p")
    body["spec"]["containers"][0]["resources"] = resources

    obj = (await api.create(space.pods, body)).ok()

    assert obj["status"]["qosClass"] == quality
    if "limits" in resources:
        assert obj["spec"]["containers"][0]["resources"]["requests"] == resources["limits"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("app", "Always"),
        ("app:latest", "Always"),
        ("app:1", "IfNotPresent"),
        ("host:5000/app", "Always"),
        ("host:5000/app:2", "IfNotPresent"),
        ("app@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
async def test_an_image_is_pulled_as_its_tag_suggests(api: Api, space: Space, image: str, policy: str):
    body = pod("p")
    body["spec"]["containers"][0]["image"] = image

    obj = await rehearsed(api, space.pods, body)

    assert obj["spec"]["containers"][0]["imagePullPolicy"] == policy


async def test_probes_ports_volumes_and_references(api: Api, space: Space):
    body = pod("p")
    body["spec"]["containers"][0] |= {
        "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"port": 80}},
        "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    }
    body["spec"]["volumes"] = [
        {"name": "a"},
        {"name": "b", "secret": {"secretName": "s"}},
        {"name": "c", "configMap": {"name": "c"}},
        {"name": "d", "hostPath": {"path": "/x"}},
        {"name": "e", "persistentVolumeClaim": {"claimName": "c"}},
    ]

    spec = (await rehearsed(api, space.pods, body))["spec"]

    container = spec["containers"][0]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert container["readinessProbe"] == {
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert container["env"] == [
        {"name": "N", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
    ]
    assert spec["volumes"] == [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "secret": {"secretName": "s", "defaultMode": 420}},
        {"name": "c", "configMap": {"name": "c", "defaultMode": 420}},
        {"name": "d", "hostPath": {"path": "/x", "type": ""}},
        {"name": "e", "persistentVolumeClaim": {"claimName": "c"}},
    ]


async def test_a_service_gets_an_address(api: Api, space: Space):
    obj = (await api.create(space.services, service("s"))).ok()

    address = obj["spec"]["clusterIP"]
    assert obj["spec"] == {
        "clusterIP": address,
        "clusterIPs": [address],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "selector": {"app": "s"},
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }
    assert obj["status"] == {"loadBalancer": {}}


async def test_two_services_have_two_addresses(api: Api, space: Space):
    addresses = {
        (await api.create(space.services, service(name))).ok()["spec"]["clusterIP"]
        for name in ("a", "b", "c")
    }

    assert len(addresses) == 3


async def test_a_headless_service_has_none(api: Api, space: Space):
    spec = (await api.create(space.services, service("s", clusterIP="None"))).ok()["spec"]

    assert (spec["clusterIP"], spec["clusterIPs"]) == ("None", ["None"])


async def test_services_outside_the_cluster_get_node_ports(api: Api, space: Space):
    spec = (await api.create(space.services, service("s", type="LoadBalancer"))).ok()["spec"]

    assert 30000 <= spec["ports"][0]["nodePort"] <= 32767
    assert spec["allocateLoadBalancerNodePorts"] is True
    assert spec["externalTrafficPolicy"] == "Cluster"


async def test_text_in_a_secret_becomes_data(api: Api, space: Space):
    body = {"metadata": {"name": "s"}, "stringData": {"a": "text"}, "data": {"b": "Yg=="}}

    obj = (await api.create(space.secrets, body)).ok()

    assert obj["data"] == {"a": "dGV4dA==", "b": "Yg=="}
    assert "stringData" not in obj
    assert obj["type"] == "Opaque"


async def test_a_claim(api: Api, space: Space):
    path = f"{space.core}/persistentvolumeclaims"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}

    obj = await rehearsed(api, path, {"metadata": {"name": "c"}, "spec": spec})

    assert obj["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "volumeMode": "Filesystem",
    }
    assert obj["status"] == {"phase": "Pending"}


async def test_role_bindings_name_their_api_group(api: Api, space: Space):
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space.name}/rolebindings"
    body = {
        "metadata": {"name": "b"},
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [
            {"kind": "User", "name": "u"},
            {"kind": "ServiceAccount", "name": "s", "namespace": space.name},
        ],
    }

    obj = (await api.create(path, body)).ok()

    group = "rbac.authorization.k8s.io"
    assert obj["roleRef"] == {"apiGroup": group, "kind": "Role", "name": "r"}
    assert obj["subjects"][0] == {"apiGroup": group, "kind": "User", "name": "u"}
    assert "apiGroup" not in obj["subjects"][1]


async def test_what_is_empty_is_left_out_or_written_as_go_writes_it(api: Api, space: Space):
    body = pod("p", labels={}, annotations=None, ownerReferences=[])
    body["spec"]["containers"][0] |= {
        "args": [],
        "env": [],
        "stdin": False,
        "workingDir": "",
        "resources": None,
    }
    body["spec"]["hostNetwork"] = False
    body["spec"]["nodeSelector"] = {}

    obj = await rehearsed(api, space.pods, body)
    role = (await api.create(space.roles, {"metadata": {"name": "r"}})).ok()

    assert obj["spec"]["containers"][0] == CONTAINER
    assert not {"hostNetwork", "nodeSelector"} & obj["spec"].keys()
    assert not {"labels", "annotations", "ownerReferences"} & obj["metadata"].keys()
    assert role["rules"] is None
