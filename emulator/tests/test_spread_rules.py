"""How a pod may be called as a host, and be spread over nodes."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, pod

LABEL_ERROR = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
ZONE = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
SPREAD = "topologySpreadConstraints"
CASES = [
    pytest.param(
        {"hostname": "A_b", "subdomain": "a.b"},
        [
            ("hostname", f'Invalid value: "A_b": {LABEL_ERROR}'),
            ("subdomain", 'Invalid value: "a.b": must not contain dots'),
        ],
        id="names of no host",
    ),
    pytest.param(
        {SPREAD: [{**ZONE, "maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "Maybe"}]},
        [
            (f"{SPREAD}[0].maxSkew", "Invalid value: 0: must be greater than zero"),
            (f"{SPREAD}[0].topologyKey", "Required value: can not be empty"),
            (
                f"{SPREAD}[0].whenUnsatisfiable",
                'Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
            ),
        ],
        id="a constraint of nothing",
    ),
    pytest.param(
        {SPREAD: [ZONE, ZONE]},
        [(f"{SPREAD}[0].{{topologyKey, whenUnsatisfiable}}", 'Duplicate value: "{zone, DoNotSchedule}"')],
        id="a constraint twice",
    ),
    pytest.param(
        {SPREAD: [{**ZONE, "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 0}]},
        [
            (
                f"{SPREAD}[0].minDomains",
                "Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, "
                "not ScheduleAnyway",
            ),
            (f"{SPREAD}[0].minDomains", "Invalid value: 0: must be greater than zero"),
        ],
        id="domains that count for nothing",
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), CASES)
async def test_a_pod_that_can_be_nowhere_is_refused(
    api: Api, space: Space, fields: Obj, wanted: list[tuple[str, str]]
):
    obj = pod("p")
    obj["spec"].update(fields)

    answer = await api.create(space.pods, obj)

    answer.refused(422, "Invalid")
    found = [(cause["field"], cause["message"]) for cause in answer.causes]
    assert sorted(found) == [(f"spec.{field}", message) for field, message in wanted]


async def test_a_pod_that_is_well_named_and_spread_is_taken(api: Api, space: Space):
    obj = pod("p")
    spread = [ZONE, {**ZONE, "whenUnsatisfiable": "ScheduleAnyway"}, {**ZONE, "topologyKey": "a.b/c"}]
    obj["spec"].update({"hostname": "a", "subdomain": "b", SPREAD: spread})

    (await api.create(space.pods, obj)).ok()
