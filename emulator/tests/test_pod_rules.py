"""What a pod's environment and tolerations may say."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, deployment, pod

NAME_ERROR = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
KEY_ERROR = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
SECRET, CONFIG_MAP = (
    {"secretKeyRef": {"name": "s", "key": "k"}},
    {"configMapKeyRef": {"name": "c", "key": "k"}},
)


def secret_key(**reference: str) -> Obj:
    return {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", **reference}}}


def field(path: str) -> Obj:
    return {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}


VARIABLES = [
    pytest.param({"name": "A=B"}, "name", f'Invalid value: "A=B": {NAME_ERROR}', id="an equals sign"),
    pytest.param({"name": "\u00fc"}, "name", f'Invalid value: "\u00fc": {NAME_ERROR}', id="not ASCII"),
    pytest.param({"name": "a\tb"}, "name", f'Invalid value: "a\\tb": {NAME_ERROR}', id="not printable"),
    pytest.param({"value": "x"}, "name", "Required value", id="no name"),
    pytest.param(
        {"name": "A", "valueFrom": {}},
        "valueFrom",
        'Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, '
        "`secretKeyRef` or `fileKeyRef`",
        id="no source",
    ),
    pytest.param(
        {"name": "A", "value": "x", "valueFrom": SECRET},
        "valueFrom",
        'Invalid value: "": may not be specified when `value` is not empty',
        id="a value and a source",
    ),
    pytest.param(
        {"name": "A", "valueFrom": {**SECRET, **CONFIG_MAP}},
        "valueFrom",
        'Invalid value: "": may not have more than one field specified at a time',
        id="two sources",
    ),
    pytest.param(secret_key(key=""), "valueFrom.secretKeyRef.key", "Required value", id="no key"),
    pytest.param(
        field("spec.replicas"),
        "valueFrom.fieldRef.fieldPath",
        'Invalid value: "spec.replicas": error converting fieldPath: '
        "field label not supported: spec.replicas",
        id="a field that no pod has",
    ),
    pytest.param(
        {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "3"}}},
        "valueFrom.resourceFieldRef.divisor",
        'Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource',
        id="a divisor of nothing",
    ),
    pytest.param(
        secret_key(key="a b"),
        "valueFrom.secretKeyRef.key",
        f'Invalid value: "a b": {KEY_ERROR}',
        id="a key that none can be",
    ),
]


@pytest.mark.parametrize(("variable", "field", "message"), VARIABLES)
async def test_a_variable_must_be_one(api: Api, space: Space, variable: Obj, field: str, message: str):
    body = pod("p")
    body["spec"]["containers"][0]["env"] = [variable]

    answer = await api.create(space.pods, body)

    answer.refused(422, "Invalid")
    where = f"spec.containers[0].env[0].{field}"
    assert [(cause["field"], cause["message"]) for cause in answer.causes] == [(where, message)]


@pytest.mark.parametrize("name", ["1A", "A B", ".", "A.b-c"])
async def test_many_things_are_names_of_variables(api: Api, space: Space, name: str):
    body = pod("p")
    body["spec"]["containers"][0]["env"] = [{"name": name, "value": "x"}]

    (await api.create(space.pods, body)).ok()


async def test_an_object_of_a_variable_is_named_as_objects_are(api: Api, space: Space):
    body = pod("p")
    body["spec"]["containers"][0]["env"] = [secret_key(name=""), secret_key(name="S_")]

    answer = await api.create(space.pods, body)

    fields = [f"spec.containers[0].env[{index}].valueFrom.secretKeyRef.name" for index in (0, 1)]
    assert [cause["field"] for cause in answer.causes] == fields
    assert all("a lowercase RFC 1123 subdomain must" in cause["message"] for cause in answer.causes)


@pytest.mark.parametrize(
    ("entry", "field", "message"),
    [
        pytest.param(
            {"prefix": "a=", "secretRef": {"name": "s"}},
            "envFrom[0].prefix",
            f'Invalid value: "a=": {NAME_ERROR}',
            id="a prefix no name can have",
        ),
        pytest.param(
            {},
            "envFrom",
            'Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
            id="nothing",
        ),
        pytest.param(
            {"secretRef": {"name": "s"}, "configMapRef": {"name": "c"}},
            "envFrom",
            'Invalid value: "": may not have more than one field specified at a time',
            id="two",
        ),
        pytest.param({"secretRef": {}}, "envFrom[0].secretRef.name", "Required value", id="no name"),
    ],
)
async def test_variables_come_from_one_object(api: Api, space: Space, entry: Obj, field: str, message: str):
    body = pod("p")
    body["spec"]["containers"][0]["envFrom"] = [entry]

    answer = await api.create(space.pods, body)

    answer.refused(422, "Invalid")
    where = f"spec.containers[0].{field}"
    assert [(cause["field"], cause["message"]) for cause in answer.causes] == [(where, message)]


TOLERATIONS = [
    pytest.param(
        {},
        "operator",
        'Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and '
        'all keys"',
        id="nothing",
    ),
    pytest.param(
        {"key": "a", "operator": "Nope"},
        "operator",
        'Unsupported value: "Nope": supported values: "Equal", "Exists"',
        id="an unknown operator",
    ),
    pytest.param(
        {"key": "a", "operator": "Gt", "value": "1"},
        "operator",
        'Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"',
        id="an operator whose gate is off",
    ),
    pytest.param(
        {"key": "a", "operator": "Exists", "value": "x"},
        "operator",
        "Invalid value: \"x\": value must be empty when `operator` is 'Exists'",
        id="a value nobody looks at",
    ),
    pytest.param(
        {"key": "a", "value": "x" * 64},
        "operator",
        f'Invalid value: "{"x" * 64}": must be no more than 63 bytes',
        id="a long value",
    ),
    pytest.param(
        {"key": "a", "effect": "Nope"},
        "effect",
        'Unsupported value: "Nope": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
        id="an unknown effect",
    ),
    pytest.param(
        {"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1},
        "effect",
        "Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
        id="seconds for another effect",
    ),
    pytest.param(
        {"key": "a" * 64},
        "key",
        f'Invalid value: "{"a" * 64}": name part must be no more than 63 bytes',
        id="a long key",
    ),
]


@pytest.mark.parametrize(("toleration", "field", "message"), TOLERATIONS)
async def test_a_toleration_must_be_one(api: Api, space: Space, toleration: Obj, field: str, message: str):
    body = deployment("d")
    body["spec"]["template"]["spec"]["tolerations"] = [toleration]

    answer = await api.create(space.deployments, body)

    answer.refused(422, "Invalid")
    where = f"spec.template.spec.tolerations[0].{field}"
    assert [(cause["field"], cause["message"]) for cause in answer.causes] == [(where, message)]


@pytest.mark.parametrize(
    ("toleration", "field"),
    [({"key": "a b"}, "key"), ({"key": "B/c"}, "key"), ({"key": "a", "value": "x y"}, "operator")],
)
async def test_keys_and_values_of_tolerations_are_those_of_labels(
    api: Api, space: Space, toleration: Obj, field: str
):
    body = pod("p")
    body["spec"]["tolerations"] = [toleration]

    answer = await api.create(space.pods, body)

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == [f"spec.tolerations[0].{field}"]
    assert "must consist of" in answer.message or "or consist of" in answer.message


async def test_a_toleration_of_everything(api: Api, space: Space):
    body = pod("p")
    body["spec"]["tolerations"] = [{"operator": "Exists"}]

    assert (await api.create(space.pods, body)).ok()["spec"]["tolerations"] == [{"operator": "Exists"}]


# -- what a variable may say of its pod ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["metadata.name", "status.podIPs", "metadata.labels['a.b/c']", "metadata.annotations['Ex.com/A']"]
)
async def test_fields_of_the_pod_are_variables(api: Api, space: Space, path: str):
    made = await api.create(space.deployments, deployment("web", env=[field(path)]))

    assert made.code == 201


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("metadata.labels", "FieldValueNotSupported"),
        ("status.phase", "FieldValueNotSupported"),
        ("metadata.labels['a b']", "FieldValueInvalid"),
    ],
)
async def test_others_are_not(api: Api, space: Space, path: str, reason: str):
    refused = await api.create(space.deployments, deployment("web", env=[field(path)]))

    assert refused.code == 422
    assert [cause["reason"] for cause in refused.causes] == [reason]


@pytest.mark.parametrize("selector", [{"-a": "x"}, {"a": "x" * 64}, {"a": "b c"}])
async def test_a_node_is_selected_by_labels(api: Api, space: Space, selector: Obj):
    body = deployment("web")
    body["spec"]["template"]["spec"]["nodeSelector"] = selector

    refused = await api.create(space.deployments, body)

    assert refused.code == 422
    (cause,) = refused.causes
    assert cause["field"] == "spec.template.spec.nodeSelector"
