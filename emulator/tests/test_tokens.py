"""Tokens of service accounts, given on request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api

from .objects import Obj, Space

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


async def _account(api: Api, space: str) -> tuple[str, Obj]:
    """Where it is, and itself."""
    path = f"/api/v1/namespaces/{space}/serviceaccounts"
    return f"{path}/robot", (await api.create(path, {"metadata": {"name": "robot"}})).ok()


async def _given(api: Api, path: str, **spec: Any) -> str:
    return str((await api.create(f"{path}/token", {"spec": spec})).ok()["status"]["token"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_it_is_the_accounts_for_an_hour(api: Api, space: Space):
    path, account = await _account(api, space.name)

    answer = await api.create(f"{path}/token", {"spec": {}})
    token = answer.ok()["status"]["token"]
    review = (await api.create(REVIEWS, {"spec": {"token": token}})).ok()["status"]
    own = (await api.create(SELF, {}, headers=_bearer(token))).ok()["status"]["userInfo"]

    meta, given = answer.body["metadata"], answer.body["spec"]
    assert answer.code == 201 and (answer.body["kind"], answer.body["apiVersion"]) == (
        "TokenRequest",
        "authentication.k8s.io/v1",
    )
    assert (meta["name"], meta["namespace"], meta["uid"]) == (
        "robot",
        space.name,
        account["metadata"]["uid"],
    )
    assert (given["expirationSeconds"], len(given["audiences"])) == (3600, 1)
    assert review["authenticated"] is True and review["audiences"] == given["audiences"]
    assert own == review["user"]
    assert {key: own[key] for key in ("username", "uid", "groups")} == {
        "username": f"system:serviceaccount:{space.name}:robot",
        "uid": account["metadata"]["uid"],
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{space.name}", "system:authenticated"],
    }


async def test_one_for_somebody_else_is_none_of_the_servers(api: Api, space: Space):
    path, _ = await _account(api, space.name)

    token = await _given(api, path, audiences=["vault"], expirationSeconds=900)
    refused = await api.get("/api", headers=_bearer(token))
    here = (await api.create(REVIEWS, {"spec": {"token": token}})).ok()["status"]
    there = (await api.create(REVIEWS, {"spec": {"token": token, "audiences": ["vault"]}})).ok()["status"]

    refused.refused(401, "Unauthorized")
    assert "authenticated" not in here
    assert (there["authenticated"], there["audiences"]) == (True, ["vault"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"spec": {"expirationSeconds": 60}}, "spec.expirationSeconds"),
        ({"spec": {"expirationSeconds": 1 << 33}}, "spec.expirationSeconds"),
        ({"metadata": {"name": "other"}, "spec": {}}, "metadata.name"),
    ],
)
async def test_what_cannot_be_given_is_refused(api: Api, space: Space, body: Obj, field: str):
    path, _ = await _account(api, space.name)

    answer = await api.create(f"{path}/token", body)

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == [field]


async def test_an_account_that_is_not_there_has_none(api: Api, space: Space):
    answer = await api.create(f"/api/v1/namespaces/{space.name}/serviceaccounts/nobody/token", {"spec": {}})

    answer.refused(404, "NotFound")
    assert answer.message == 'serviceaccounts "nobody" not found'


async def test_it_ends_with_its_time_and_with_its_account(tmp_path: Path):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    async with (
        EmulatedCluster(now=lambda: now) as cluster,
        Api(cluster.kubeconfig(tmp_path / "kubeconfig")) as api,
    ):
        path, _ = await _account(api, "default")
        token = await _given(api, path, expirationSeconds=600)
        longer = await _given(api, path, expirationSeconds=6000)

        codes = [(await api.get("/api", headers=_bearer(token))).code]
        now += timedelta(seconds=600)
        codes += [(await api.get("/api", headers=_bearer(one))).code for one in (token, longer)]
        (await api.delete(path)).ok()
        codes.append((await api.get("/api", headers=_bearer(longer))).code)

    assert codes == [200, 401, 200, 401]
