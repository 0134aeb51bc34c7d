"""Bodies in protobuf, which Go clients send for built-in kinds."""

from __future__ import annotations

from kube_emulator.testing import Api

from .objects import Space

PROTOBUF = "application/vnd.kubernetes.protobuf"


def field(number: int, value: int | str | bytes) -> bytes:
    """One field on the wire; short values only."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def enveloped(version: str, kind: str, message: bytes) -> bytes:
    return b"k8s\x00" + field(1, field(1, version) + field(2, kind)) + field(2, message)


async def test_a_secret(api: Api, space: Space):
    metadata = field(1, "s") + field(11, field(1, "app") + field(2, "x"))
    data = field(1, "token") + field(2, b"\x00\xff")
    body = enveloped("v1", "Secret", field(1, metadata) + field(2, data) + field(3, "example.com/kind"))

    obj = (await api.create(space.secrets, body, type=PROTOBUF)).ok()

    assert obj["metadata"]["labels"] == {"app": "x"}
    assert (obj["data"], obj["type"]) == ({"token": "AP8="}, "example.com/kind")


async def test_a_pod_with_numbers_lists_times_and_embedded_structs(api: Api, space: Space):
    port = field(3, 8080) + field(4, "TCP")
    quantity = field(1, "memory") + field(2, field(1, "1024Mi"))
    probe = field(1, field(2, field(1, "/ok") + field(2, field(1, 0) + field(2, 8080)))) + field(4, 7)
    container = (
        field(1, "main")
        + field(2, "example.com/app:1")
        + field(4, "--flag")
        + field(4, "x")
        + field(6, port)
        + field(7, field(1, "A") + field(2, "1"))
        + field(8, field(2, quantity))
        + field(11, probe)
        + field(16, 1)
    )
    volume = field(1, "v") + field(2, field(6, field(1, "s")))
    spec = field(1, volume) + field(2, container) + field(4, 0)
    body = enveloped("v1", "Pod", field(1, field(1, "p")) + field(2, spec))

    obj = (await api.create(space.pods, body, type=PROTOBUF)).ok()

    made = obj["spec"]["containers"][0]
    assert (made["args"], made["stdin"], made["env"]) == (
        ["--flag", "x"],
        True,
        [{"name": "A", "value": "1"}],
    )
    assert made["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert made["resources"] == {"requests": {"memory": "1Gi"}}
    assert made["readinessProbe"]["httpGet"] == {"path": "/ok", "port": 8080, "scheme": "HTTP"}
    assert made["readinessProbe"]["periodSeconds"] == 7
    assert obj["spec"]["volumes"] == [{"name": "v", "secret": {"secretName": "s", "defaultMode": 420}}]
    assert obj["spec"]["terminationGracePeriodSeconds"] == 0


async def test_a_lease_with_its_times(api: Api, space: Space):
    renewed = field(1, 1704164645) + field(2, 6000)
    spec = field(1, "me") + field(2, 15) + field(4, renewed)
    body = enveloped("coordination.k8s.io/v1", "Lease", field(1, field(1, "l")) + field(2, spec))

    obj = (await api.create(space.leases, body, type=PROTOBUF)).ok()

    assert obj["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "renewTime": "2024-01-02T03:04:05.000006Z",
    }


async def test_options_of_a_deletion(api: Api, space: Space):
    await api.create(space.config_maps, {"metadata": {"name": "a"}})
    options = enveloped("v1", "DeleteOptions", field(2, field(1, "another-uid")) + field(4, "Background"))

    answer = await api.delete(f"{space.config_maps}/a", options, type=PROTOBUF)

    assert "does not match the UID in record" in answer.refused(409, "Conflict")["message"]


async def test_a_body_that_is_cut_off(api: Api, space: Space):
    body = enveloped("v1", "ConfigMap", field(1, field(1, "a")))[:-2]

    answer = await api.create(space.config_maps, body, type=PROTOBUF)

    assert answer.code in (400, 500)
