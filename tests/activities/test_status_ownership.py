"""What AI Runway's own controllers set of a status becomes ours, and goes when it is not said any more."""

from __future__ import annotations

import json
from typing import Any

from airunway.activities.deployment.status_ownership import takeover_patch, with_own_conditions
from airunway.clients.kubernetes import Object


def conditions(*types: str) -> dict[str, Any]:
    return {f"k:{json.dumps({'type': kind})}": {"f:status": {}} for kind in types}


def owner(manager: str, *, operation: str = "Update", types: tuple[str, ...] = (), **fields: Any) -> Object:
    status = {f"f:{name}": value for name, value in fields.items()}
    if types:
        status["f:conditions"] = conditions(*types)
    return {
        "manager": manager,
        "operation": operation,
        "subresource": "status",
        "fieldsV1": {"f:status": status},
    }


def deployment(*entries: Object, types: tuple[str, ...] = ()) -> Object:
    return {
        "metadata": {"resourceVersion": "7", "managedFields": list(entries)},
        "status": {"phase": "Running", "conditions": [{"type": kind, "status": "True"} for kind in types]},
    }


SPEC = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}


def after(obj: Object, *, is_shared: bool = False) -> dict[str, Any]:
    """Fields of the status by manager, as the patch leaves them."""
    patch = takeover_patch(obj, is_shared=is_shared)
    assert patch is not None
    assert patch[1]["value"] == "7"
    assert SPEC in patch[0]["value"]
    return {
        entry["manager"]: entry["fieldsV1"]["f:status"]
        for entry in patch[0]["value"]
        if entry.get("subresource") == "status"
    }


def test_everything_of_the_contract_is_moved_and_what_is_unknown_stays() -> None:
    core = owner("manager", types=("GatewayReady", "acme.dev/Seen"), gateway={"f:endpoint": {}}, other={})
    shim = owner("provider", types=("Ready",), phase={}, replicas={"f:ready": {}})

    found = after(deployment(SPEC, core, shim))

    assert found == {
        "airunway": {
            "f:gateway": {"f:endpoint": {}},
            "f:phase": {},
            "f:replicas": {"f:ready": {}},
            "f:conditions": conditions("GatewayReady", "Ready"),
        },
        "manager": {"f:other": {}, "f:conditions": conditions("acme.dev/Seen")},
    }


def test_it_is_added_to_what_is_ours_already() -> None:
    ours = owner("airunway", operation="Apply", types=("Ready",), phase={})

    found = after(deployment(SPEC, ours, owner("provider", types=("StorageReady",), message={})))

    assert found == {
        "airunway": {"f:phase": {}, "f:message": {}, "f:conditions": conditions("Ready", "StorageReady")}
    }


def test_a_provider_controller_outside_keeps_its_part() -> None:
    core = owner("manager", types=("Validated", "Ready"), phase={}, gateway={"f:endpoint": {}})
    shim = owner("provider", types=("Ready",), phase={})

    found = after(deployment(SPEC, core, shim), is_shared=True)

    assert found["provider"] == {"f:phase": {}, "f:conditions": conditions("Ready")}
    assert found["manager"] == {"f:phase": {}, "f:conditions": conditions("Ready")}
    assert found["airunway"] == {
        "f:gateway": {"f:endpoint": {}},
        "f:conditions": conditions("Validated"),
    }


def test_there_is_nothing_to_do_where_nobody_was_before() -> None:
    ours = owner("airunway", operation="Apply", phase={})

    assert takeover_patch(deployment(SPEC, ours, owner("auditor", phase={})), is_shared=False) is None
    assert takeover_patch({"metadata": {}}, is_shared=False) is None


def kept(obj: Object) -> list[str]:
    return [entry["type"] for entry in with_own_conditions(obj)["conditions"]]


def test_it_goes_on_with_conditions_that_it_will_write_again() -> None:
    types = ("Validated", "GatewayReady", "Ready", "acme.dev/Seen")
    obj = deployment(owner("provider", phase={}), types=types)
    obj["status"]["gateway"] = {"endpoint": "10.0.0.1"}

    assert kept(obj) == ["Validated", "Ready"]
    assert "gateway" not in with_own_conditions(obj)


def test_a_run_that_was_lost_finds_all_its_conditions() -> None:
    types = ("Validated", "GatewayReady", "Adopted", "acme.dev/Seen")
    ours = owner("airunway", operation="Apply", types=("Validated", "Adopted"), phase={})

    assert kept(deployment(ours, types=types)) == ["Validated", "GatewayReady", "Adopted"]
