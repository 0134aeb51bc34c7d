"""What a pod may mount, and where; and how it finds others by name."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, deployment, pod

MAIN = "containers[0]"
LONG = "v" * 64


def mounting(*mounts: Obj) -> Obj:
    main = {"name": "main", "image": "a", "volumeMounts": list(mounts)}
    return {"containers": [main], "volumes": [{"name": "v", "emptyDir": {}}]}


def volume(**source: object) -> Obj:
    return {"volumes": [{"name": "v", **source}]}


CASES = [
    pytest.param(
        mounting({"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}),
        [(f"{MAIN}.volumeMounts[1].mountPath", 'Invalid value: "/a": must be unique')],
        id="two at one path",
    ),
    pytest.param(
        mounting({"name": "v", "mountPath": "/a", "subPath": "a/../b"}),
        [(f"{MAIN}.volumeMounts.subPath", "Invalid value: \"a/../b\": must not contain '..'")],
        id="a way out of a volume",
    ),
    pytest.param(
        mounting({"name": "v", "mountPath": "/a", "subPath": "a", "subPathExpr": "b"}),
        [
            (
                f"{MAIN}.volumeMounts[0].subPathExpr",
                'Invalid value: "b": subPathExpr and subPath are mutually exclusive',
            )
        ],
        id="two ways into it",
    ),
    pytest.param(
        mounting({"name": "v", "mountPath": "/a", "recursiveReadOnly": "Enabled"}),
        [
            (
                f"{MAIN}.volumeMounts.recursiveReadOnly",
                "Forbidden: may only be specified when readOnly is true",
            )
        ],
        id="reading only, further down",
    ),
    pytest.param(volume(secret={}), [("volumes[0].secret.secretName", "Required value")], id="no Secret"),
    pytest.param(volume(configMap={}), [("volumes[0].configMap.name", "Required value")], id="no ConfigMap"),
    pytest.param(
        volume(persistentVolumeClaim={}),
        [("volumes[0].persistentVolumeClaim.claimName", "Required value")],
        id="no claim",
    ),
    pytest.param(
        volume(secret={"secretName": "s", "defaultMode": 512}),
        [
            (
                "volumes[0].secret.defaultMode",
                "Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
            )
        ],
        id="a mode that is none",
    ),
    pytest.param(
        {"volumes": [{"name": LONG, "emptyDir": {}}]},
        [("volumes[0].name", f'Invalid value: "{LONG}": must be no more than 63 characters')],
        id="a long name",
    ),
    pytest.param(
        {"dnsPolicy": "None"},
        [("dnsConfig", "Required value: must provide `dnsConfig` when `dnsPolicy` is None")],
        id="no DNS at all",
    ),
    pytest.param(
        {"dnsConfig": {"options": [{"value": "1"}]}},
        [("dnsConfig.options[0]", "Required value: must not be empty")],
        id="an option of DNS without name",
    ),
    pytest.param(
        {"hostAliases": [{"ip": "10.0.0", "hostnames": ["a"]}]},
        [
            (
                "hostAliases[0].ip",
                'Invalid value: "10.0.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
            )
        ],
        id="a host without address",
    ),
    pytest.param(
        {"containers": [{"name": "a", "image": "a", "lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}]},
        [
            (
                f"{MAIN}.lifecycle.preStop.sleep",
                "Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)",
            )
        ],
        id="a sleep past the end",
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), CASES)
async def test_what_no_pod_can_have_is_refused(
    api: Api, space: Space, fields: Obj, wanted: list[tuple[str, str]]
):
    obj = pod("p")
    obj["spec"] |= fields

    answer = await api.create(space.pods, obj)

    answer.refused(422, "Invalid")
    found = [(cause["field"], cause["message"]) for cause in answer.causes]
    assert found == [(f"spec.{field}", message) for field, message in wanted]


@pytest.mark.parametrize(
    ("bounds", "field", "message"),
    [
        ({"maxSurge": -1}, "maxSurge", "Invalid value: -1: must be greater than or equal to 0"),
        (
            {"maxUnavailable": "101%"},
            "maxUnavailable",
            'Invalid value: "101%": must not be greater than 100%',
        ),
    ],
)
async def test_a_roll_out_of_more_than_all_is_refused(
    api: Api, space: Space, bounds: Obj, field: str, message: str
):
    body = deployment("d")
    body["spec"]["strategy"] = {"rollingUpdate": bounds}

    answer = await api.create(space.deployments, body)

    answer.refused(422, "Invalid")
    found = [(cause["field"], cause["message"]) for cause in answer.causes]
    assert found == [(f"spec.strategy.rollingUpdate.{field}", message)]


async def test_pods_of_a_deployment_do_not_end_by_themselves(api: Api, space: Space):
    body = deployment("d")
    body["spec"]["template"]["spec"] |= {"restartPolicy": "Never", "activeDeadlineSeconds": 5}

    answer = await api.create(space.deployments, body)

    answer.refused(422, "Invalid")
    assert sorted((cause["field"], cause["message"]) for cause in answer.causes) == [
        (
            "spec.template.spec.activeDeadlineSeconds",
            "Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
        ),
        ("spec.template.spec.restartPolicy", 'Unsupported value: "Never": supported values: "Always"'),
    ]


async def test_a_long_name_of_a_namespace(api: Api):
    answer = await api.create("/api/v1/namespaces", {"metadata": {"name": "n" * 64}})

    answer.refused(422, "Invalid")
    assert answer.causes[0]["message"] == f'Invalid value: "{"n" * 64}": must be no more than 63 characters'
