"""`kubectl apply`, on the client's and on the server's side."""

from __future__ import annotations

import shutil

import pytest

from kube_emulator.testing import Api

from .kubectl import Kubectl
from .objects import Space, deployment, model, service

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")


async def test_apply_creates_changes_and_leaves_unchanged(kubectl: Kubectl):
    first = await kubectl("apply", "-f", "-", stdin=[model("m"), deployment("d"), service("s")])
    second = await kubectl("apply", "-f", "-", stdin=[model("m"), deployment("d"), service("s")])
    third = await kubectl("apply", "-f", "-", stdin=[model("m", image="x"), deployment("d", args=["one"])])

    assert first.out.split() == [
        "modelserver.models.example.com/m",
        "created",
        "deployment.apps/d",
        "created",
        "service/s",
        "created",
    ]
    assert second.out.split()[1::2] == ["unchanged"] * 3
    assert third.out.split()[1::2] == ["configured"] * 2


async def test_apply_takes_away_what_left_the_manifest(kubectl: Kubectl, api: Api, custom: Space):
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    await kubectl("apply", "-f", "-", stdin=[model("m", image="x"), deployment("d", env=env)])

    await kubectl("apply", "-f", "-", stdin=[model("m"), deployment("d", env=env[1:])])

    assert "image" not in (await api.get(f"{custom.models}/m")).ok()["spec"]
    spec = (await api.get(f"{custom.deployments}/d")).ok()["spec"]["template"]["spec"]
    assert spec["containers"][0]["env"] == env[1:]


async def test_apply_on_the_server_side_with_a_conflict(kubectl: Kubectl, api: Api, custom: Space):
    await kubectl("apply", "--server-side", "-f", "-", stdin=model("m", image="x"))
    await kubectl("apply", "--server-side", "-f", "-", stdin=model("m", image="x"))
    await api.patch(f"{custom.models}/m", {"spec": {"image": "y"}})

    refused = await kubectl("apply", "--server-side", "-f", "-", stdin=model("m", image="x"), fails=True)
    forced = await kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=model("m", image="x")
    )

    assert 'conflict with "conformance" using models.example.com/v1: .spec.image' in refused.err
    assert forced.out.strip() == "modelserver.models.example.com/m serverside-applied"


async def test_apply_on_the_server_side_takes_over_from_the_client_side(kubectl: Kubectl):
    await kubectl("apply", "-f", "-", stdin=[model("m", image="x"), deployment("d", args=["one"])])

    done = await kubectl(
        "apply", "--server-side", "-f", "-", stdin=[model("m", image="y"), deployment("d", args=["two"])]
    )

    assert done.out.split()[1::2] == ["serverside-applied"] * 2


async def test_a_typing_error_is_refused_before_anything_is_stored(kubectl: Kubectl, api: Api, custom: Space):
    done = await kubectl("apply", "-f", "-", stdin=model("m", imgae="x"), fails=True)

    assert 'strict decoding error: unknown field "spec.imgae"' in done.err
    assert (await api.get(f"{custom.models}/m")).code == 404
