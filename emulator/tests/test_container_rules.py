"""What a container may ask for, and how it may be probed."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, pod

HTTP = {"httpGet": {"path": "/", "port": 80}}
CASES = [
    pytest.param(
        {"resources": {"limits": {"memory": "-1Gi"}}},
        [
            ("resources.limits[memory]", 'Invalid value: "-1Gi": must be greater than or equal to 0'),
            ("resources.requests[memory]", 'Invalid value: "-1Gi": must be greater than or equal to 0'),
        ],
        id="less than nothing",
    ),
    pytest.param(
        {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1500m"}}},
        [
            (
                "resources.requests",
                'Invalid value: "1500m": must be less than or equal to cpu limit of 1',
            )
        ],
        id="more than its limit",
    ),
    pytest.param(
        {"resources": {"requests": {"nvidia.com/gpu": "1"}}},
        [("resources.limits", "Required value: Limit must be set for non overcommitable resources")],
        id="a device without a limit",
    ),
    pytest.param(
        {"resources": {"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": "1"}}},
        [("resources.requests", 'Invalid value: "1": must be equal to nvidia.com/gpu limit of 2')],
        id="fewer devices than their limit",
    ),
    pytest.param(
        {"livenessProbe": {**HTTP, "periodSeconds": -1, "initialDelaySeconds": -2}},
        [
            ("livenessProbe.initialDelaySeconds", "Invalid value: -2: must be greater than or equal to 0"),
            ("livenessProbe.periodSeconds", "Invalid value: -1: must be greater than or equal to 0"),
        ],
        id="a probe before its time",
    ),
    pytest.param(
        {"readinessProbe": {"periodSeconds": 5}},
        [("readinessProbe", "Required value: must specify a handler type")],
        id="a probe of nothing",
    ),
    pytest.param(
        {"startupProbe": {**HTTP, "tcpSocket": {"port": 80}}},
        [("startupProbe.tcpSocket", "Forbidden: may not specify more than 1 handler type")],
        id="a probe of two things",
    ),
    pytest.param(
        {"startupProbe": {"httpGet": {"path": "/", "port": 70000}}},
        [
            (
                "startupProbe.httpGet.port",
                "Invalid value: 70000: must be between 1 and 65535, inclusive",
            )
        ],
        id="a probe of a port that is none",
    ),
    pytest.param(
        {"resources": {"limits": {"requests.nvidia.com/gpu": "1"}}},
        [
            (
                f"resources.{part}[requests.nvidia.com/gpu]",
                'Invalid value: "requests.nvidia.com/gpu": doesn\'t follow extended resource name standard',
            )
            for part in ("limits", "requests")
        ],
        id="a device that is called as its quota is",
    ),
    pytest.param(
        {"resources": {"limits": {"hugepages-2Mi": "4Mi"}}},
        [("resources", "Forbidden: HugePages require cpu or memory")],
        id="large pages and nothing else",
    ),
    pytest.param(
        {"ports": [{"name": "http", "containerPort": 80}, {"name": "http", "containerPort": 81}]},
        [("ports[1].name", 'Duplicate value: "http"')],
        id="two ports of one name",
    ),
    pytest.param(
        {"ports": [{"name": "HTTP_x", "containerPort": 80}]},
        [
            (
                "ports[0].name",
                'Invalid value: "HTTP_x": must contain only alpha-numeric characters (a-z, 0-9), '
                "and hyphens (-)",
            )
        ],
        id="a port whose name is none",
    ),
    pytest.param(
        {"ports": [{"name": "a--" + "b" * 13 + "-", "containerPort": 0}, {"containerPort": 70000}]},
        [
            ("ports[0].containerPort", "Required value"),
            ("ports[0].name", f'Invalid value: "a--{"b" * 13}-": must be no more than 15 characters'),
            ("ports[0].name", f'Invalid value: "a--{"b" * 13}-": must not begin or end with a hyphen'),
            ("ports[0].name", f'Invalid value: "a--{"b" * 13}-": must not contain consecutive hyphens'),
            (
                "ports[1].containerPort",
                "Invalid value: 70000: must be between 1 and 65535, inclusive",
            ),
        ],
        id="ports that are none",
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), CASES)
async def test_what_no_container_can_have_is_refused(
    api: Api, space: Space, fields: Obj, wanted: list[tuple[str, str]]
):
    obj = pod("p")
    obj["spec"]["containers"][0].update(fields)

    answer = await api.create(space.pods, obj)

    answer.refused(422, "Invalid")
    found = [(cause["field"], cause["message"]) for cause in answer.causes]
    assert sorted(found) == [(f"spec.containers[0].{field}", message) for field, message in wanted]


async def test_a_port_is_a_whole_number_or_a_name(api: Api, space: Space):
    obj = pod("p")
    obj["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"path": "/", "port": 1.5}}

    answer = await api.create(space.pods, obj)

    answer.refused(400, "BadRequest")
    assert "json: cannot unmarshal number 1.5 into Go struct field" in answer.message
