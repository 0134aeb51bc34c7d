"""What a security context may say, of a pod and of a container."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, pod

NO_USER = "Invalid value: {}: must be between 0 and 2147483647, inclusive"
BOTH = [
    pytest.param({"runAsUser": -1}, [("runAsUser", NO_USER.format(-1))], id="no user"),
    pytest.param({"runAsGroup": 2**31}, [("runAsGroup", NO_USER.format(2**31))], id="no group"),
    pytest.param(
        {"seccompProfile": {}},
        [("seccompProfile.type", "Required value: type is required when seccompProfile is set")],
        id="a seccomp profile of no type",
    ),
    pytest.param(
        {"seccompProfile": {"type": "Default"}},
        [
            (
                "seccompProfile.type",
                'Unsupported value: "Default": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
            )
        ],
        id="a seccomp profile of another type",
    ),
    pytest.param(
        {"seccompProfile": {"type": "Localhost"}},
        [
            (
                "seccompProfile.localhostProfile",
                "Required value: must be set when seccomp type is Localhost",
            )
        ],
        id="a seccomp profile of the node that is not named",
    ),
    pytest.param(
        {"seccompProfile": {"type": "RuntimeDefault", "localhostProfile": "a.json"}},
        [
            (
                "seccompProfile.localhostProfile",
                'Invalid value: {"Type":"RuntimeDefault","LocalhostProfile":"a.json"}: '
                "can only be set when seccomp type is Localhost",
            )
        ],
        id="a seccomp profile of two kinds",
    ),
    pytest.param(
        {"appArmorProfile": {}},
        [("appArmorProfile.type", "Required value: type is required when appArmorProfile is set")],
        id="an AppArmor profile of no type",
    ),
    pytest.param(
        {"appArmorProfile": {"type": "Localhost"}},
        [
            (
                "appArmorProfile.localhostProfile",
                "Required value: must be set when AppArmor type is Localhost",
            )
        ],
        id="an AppArmor profile of the node that is not named",
    ),
    pytest.param(
        {"appArmorProfile": {"type": "Unconfined", "localhostProfile": "a"}},
        [
            (
                "appArmorProfile.localhostProfile",
                'Invalid value: "a": can only be set when AppArmor type is Localhost',
            )
        ],
        id="an AppArmor profile of two kinds",
    ),
]
OF_PODS = [
    pytest.param({"fsGroup": -1}, [("fsGroup", NO_USER.format(-1))], id="no group of files"),
    pytest.param(
        {"supplementalGroups": [1, -1]}, [("supplementalGroups[1]", NO_USER.format(-1))], id="no other group"
    ),
    pytest.param(
        {"fsGroupChangePolicy": "Never"},
        [
            (
                "fsGroupChangePolicy",
                'Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
            )
        ],
        id="a policy that is none",
    ),
]
OF_CONTAINERS = [
    pytest.param(
        {"allowPrivilegeEscalation": False, "privileged": True},
        "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        id="privileged",
    ),
    pytest.param(
        {"allowPrivilegeEscalation": False, "capabilities": {"add": ["CAP_SYS_ADMIN"]}},
        "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
        id="an administrator",
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [*BOTH, *OF_PODS])
async def test_what_no_pod_may_say_of_security_is_refused(
    api: Api, space: Space, fields: Obj, wanted: list[tuple[str, str]]
):
    obj = pod("p")
    obj["spec"]["securityContext"] = fields

    answer = await api.create(space.pods, obj)

    answer.refused(422, "Invalid")
    found = [(cause["field"], cause["message"]) for cause in answer.causes]
    assert found == [(f"spec.securityContext.{field}", message) for field, message in wanted]


@pytest.mark.parametrize(("fields", "wanted"), BOTH)
async def test_what_no_container_may_say_of_security_is_refused(
    api: Api, space: Space, fields: Obj, wanted: list[tuple[str, str]]
):
    obj = pod("p")
    obj["spec"]["containers"][0]["securityContext"] = fields

    answer = await api.create(space.pods, obj)

    answer.refused(422, "Invalid")
    found = [(cause["field"], cause["message"]) for cause in answer.causes]
    assert found == [(f"spec.containers[0].securityContext.{field}", message) for field, message in wanted]


@pytest.mark.parametrize(("fields", "wanted"), OF_CONTAINERS)
async def test_what_contradicts_itself_is_refused(api: Api, space: Space, fields: Obj, wanted: str):
    obj = pod("p")
    obj["spec"]["containers"][0]["securityContext"] = fields

    answer = await api.create(space.pods, obj)

    answer.refused(422, "Invalid")
    (cause,) = answer.causes
    assert cause["field"] == "spec.containers[0].securityContext"
    assert cause["message"].endswith(wanted)


async def test_a_careful_pod_is_taken(api: Api, space: Space):
    obj = pod("p")
    obj["spec"]["securityContext"] = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "fsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    obj["spec"]["containers"][0]["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/a.json"},
    }

    (await api.create(space.pods, obj)).ok()
