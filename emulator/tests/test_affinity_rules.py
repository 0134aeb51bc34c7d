"""Where a pod may want to run: affinity to nodes and pods, and the labels that these select by."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, pod

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
TERMS = f"nodeAffinity.{REQUIRED}.nodeSelectorTerms"
NO_NAME = 'Invalid value: "": name part must be non-empty'
NO_KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def nodes(**expression: object) -> Obj:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}


def pods(**term: object) -> Obj:
    return {"podAntiAffinity": {REQUIRED: [term]}}


CASES = [
    pytest.param(
        {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}},
        [(TERMS, "Required value: must have at least one node selector term")],
        id="nodes of no kind",
    ),
    pytest.param(
        nodes(key="zone", operator="In"),
        [
            (
                f"{TERMS}[0].matchExpressions[0].values",
                "Required value: must be specified when `operator` is 'In' or 'NotIn'",
            )
        ],
        id="one of no values",
    ),
    pytest.param(
        nodes(key="zone", operator="Exists", values=["a"]),
        [
            (
                f"{TERMS}[0].matchExpressions[0].values",
                "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )
        ],
        id="a value that is not asked for",
    ),
    pytest.param(
        nodes(key="cores", operator="Gt", values=["1", "2"]),
        [
            (
                f"{TERMS}[0].matchExpressions[0].values",
                "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
            )
        ],
        id="more than two numbers",
    ),
    pytest.param(
        nodes(key="zone", operator="in", values=["a"]),
        [
            (
                f"{TERMS}[0].matchExpressions[0].operator",
                'Invalid value: "in": not a valid selector operator',
            )
        ],
        id="an operator that is none",
    ),
    pytest.param(
        nodes(operator="Exists"),
        [
            (f"{TERMS}[0].matchExpressions[0].key", NO_NAME),
            (f"{TERMS}[0].matchExpressions[0].key", f'Invalid value: "": {NO_KEY}'),
        ],
        id="a label without name",
    ),
    pytest.param(
        {"nodeAffinity": {PREFERRED: [{"weight": 101, "preference": {}}]}},
        [(f"nodeAffinity.{PREFERRED}[0].weight", "Invalid value: 101: must be in the range 1-100")],
        id="too heavy a wish",
    ),
    pytest.param(
        pods(labelSelector={"matchLabels": {"a": "b"}}),
        [
            (f"podAntiAffinity.{REQUIRED}[0].topologyKey", NO_NAME),
            (f"podAntiAffinity.{REQUIRED}[0].topologyKey", f'Invalid value: "": {NO_KEY}'),
            (f"podAntiAffinity.{REQUIRED}[0].topologyKey", "Required value: can not be empty"),
        ],
        id="pods of nowhere",
    ),
    pytest.param(
        pods(
            topologyKey="a",
            labelSelector={"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]},
        ),
        [
            (
                f"podAntiAffinity.{REQUIRED}[0].labelSelector.matchExpressions[0].operator",
                'Invalid value: "Gt": not a valid selector operator',
            )
        ],
        id="larger pods",
    ),
    pytest.param(
        pods(topologyKey="a", matchLabelKeys=["a"]),
        [
            (
                f"podAntiAffinity.{REQUIRED}[0].matchLabelKeys",
                "Forbidden: must not be specified when labelSelector is not set",
            )
        ],
        id="keys beside no labels",
    ),
]


@pytest.mark.parametrize(("affinity", "wanted"), CASES)
async def test_an_affinity_that_is_none_is_refused(
    api: Api, space: Space, affinity: Obj, wanted: list[tuple[str, str]]
):
    obj = pod("p")
    obj["spec"]["affinity"] = affinity

    answer = await api.create(space.pods, obj)

    answer.refused(422, "Invalid")
    found = [(cause["field"], cause["message"]) for cause in answer.causes]
    assert sorted(found) == sorted((f"spec.affinity.{field}", message) for field, message in wanted)


@pytest.mark.parametrize(
    "affinity",
    [
        nodes(key="zone", operator="NotIn", values=["a", "b"]),
        nodes(key="cores", operator="Lt", values=["4"]),
        {"nodeAffinity": {PREFERRED: [{"weight": 1, "preference": {}}]}},
        pods(topologyKey="kubernetes.io/hostname", namespaceSelector={}),
        {},
    ],
)
async def test_one_that_can_be_is_taken(api: Api, space: Space, affinity: Obj):
    obj = pod("p")
    obj["spec"]["affinity"] = affinity

    (await api.create(space.pods, obj, query={"dryRun": "All"})).ok()


async def test_the_names_of_pull_secrets_are_not_looked_at(api: Api, space: Space):
    obj = pod("p")
    obj["spec"]["imagePullSecrets"] = [{"name": "Not A Name"}, {"name": "a"}]

    (await api.create(space.pods, obj, query={"dryRun": "All"})).ok()
