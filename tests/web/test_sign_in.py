"""Who calls, and what of the cluster they get."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import NAMESPACES, Cluster, Resource
from airunway.web.access import Right, Rights
from airunway.web.app import PUBLIC
from airunway.web.identity import Caller
from kube_emulator import EmulatedCluster
from tests.web.pages.parsed import ParsedPage
from tests.web.place import WebPlace, web_before

RBAC = "rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = Resource(RBAC, "roles"), Resource(RBAC, "rolebindings")
ANN, BOB = "ann-has-a-token", "bob-has-another"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[WebPlace]:
    """With sign-in. Ann may do everything with deployments in team-a; Bob nothing."""
    async with EmulatedCluster() as emulated:
        emulated.users.add(ANN, "ann")
        emulated.users.add(BOB, "bob")
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            await apply_own_crds(cluster, field_manager="test")
            for name in ("team-a", "team-b"):
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                await cluster.create(NAMESPACES, body)
            await _grant(cluster)
            async with web_before(cluster, web_auth=True) as made:
                yield made


async def _grant(cluster: Cluster) -> None:
    meta = {"name": "deployer", "namespace": "team-a"}
    rules = [{"apiGroups": ["airunway.ai"], "resources": ["modeldeployments"], "verbs": ["*"]}]
    role: dict[str, Any] = {"apiVersion": RBAC, "kind": "Role", "metadata": meta, "rules": rules}
    await cluster.create(ROLES, role, namespace="team-a")
    binding: dict[str, Any] = {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann"}],
    }
    await cluster.create(BINDINGS, binding, namespace="team-a")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class EverythingAllowed(Rights):
    """Asks nobody beforehand, so that only the request itself can be refused."""

    async def may(self, caller: Caller, right: Right) -> bool:
        return True


OPEN = ("/api/oauth/", "/session", "/login")
"""Beginnings of paths that nobody needs a token for."""
PUBLIC_PATHS = {
    "/api/health",
    "/api/health/version",
    "/api/cluster",
    "/api/cluster/version",
    "/api/cluster/status",
    "/api/health/status",
    "/api/settings",
    "/api/settings/providers",
    "/api/providers",
}


async def test_only_the_public_paths_of_the_contract_answer_without_a_token(place: WebPlace) -> None:
    found = {
        route.path
        for router in PUBLIC
        for route in router.routes
        if route.path.startswith("/api/") and not route.path.startswith("/api/oauth/")  # type: ignore[attr-defined]
    }
    assert found == PUBLIC_PATHS

    schema = (await place.get("/api/openapi.json")).body
    for path, methods in schema["paths"].items():
        for method in methods:
            if (path in PUBLIC_PATHS and method == "get") or path.startswith(OPEN):
                continue
            answer = await place.call(method.upper(), path.replace("{", "").replace("}", ""))
            assert answer.status == 401, (method, path)
            assert answer.headers["X-Airunway-Auth-Error"] == "true"


async def test_a_wrong_token_is_refused_and_soon_no_longer_asked_about(place: WebPlace) -> None:
    answers = [await place.get("/api/deployments", **bearer(f"wrong-{number}")) for number in range(21)]

    assert {answer.status for answer in answers[:20]} == {401}
    assert answers[20].status == 429
    assert int(answers[20].headers["Retry-After"]) > 0
    assert (await place.get("/api/health")).status == 200


async def test_each_sees_what_they_may_list(place: WebPlace) -> None:
    await place.deployment("mine", namespace="team-a")
    await place.deployment("theirs", namespace="team-b")
    await place.until(lambda: len(place.state.fleet.deployments.objects) == 2)

    async def names(token: str) -> list[str]:
        listed = await place.get("/api/deployments", **bearer(token))
        return [entry["name"] for entry in listed.body["deployments"]]

    assert await names(ANN) == ["mine"]
    assert await names(BOB) == []
    assert (await place.get("/api/deployments?namespace=team-b", **bearer(ANN))).status == 403
    assert (await place.get("/api/deployments/theirs?namespace=team-b", **bearer(ANN))).status == 403
    assert (await place.get("/api/deployments/mine/logs?namespace=team-a", **bearer(BOB))).status == 403


@pytest.mark.parametrize("label", ["app", "app.kubernetes.io/instance"])
async def test_a_deployment_named_after_somebodys_pods_does_not_show_their_logs(
    place: WebPlace, label: str
) -> None:
    await place.deployment("vault", namespace="team-a")
    await place.pod("vault-0", namespace="team-a", labels={label: "vault"}, node="n", phase="Running")
    await place.until(lambda: bool(place.state.fleet.pods_of("team-a", "vault")))

    logs = await place.get("/api/deployments/vault/logs?namespace=team-a", **bearer(ANN))
    metrics = await place.get("/api/deployments/vault/metrics?namespace=team-a", **bearer(ANN))

    assert (logs.status, logs.message) == (
        403,
        'ann may not get pods/log "vault-0" in namespace "team-a"; ask an administrator for that right',
    )
    assert (metrics.status, metrics.body["available"]) == (200, False)
    right = 'get services/proxy "vault:8000" in namespace "team-a"'
    assert metrics.body["error"] == f"ann may not {right}; ask an administrator for that right"


async def test_logs_metrics_and_events_are_read_with_the_callers_token(place: WebPlace) -> None:
    """The process itself may do everything here: where it asked, nothing would be refused."""
    await place.deployment("mine", namespace="team-a", message="waits for a GPU")
    await place.pod("mine-0", namespace="team-a", labels={"airunway.ai/deployment": "mine"}, phase="Pending")
    await place.until(lambda: bool(place.state.fleet.pods_of("team-a", "mine")))
    paths = [f"/api/deployments/mine/{what}?namespace=team-a" for what in ("logs", "metrics")]
    refused = [await place.get(path, **bearer(ANN)) for path in paths]
    waiting = await place.get("/api/deployments/mine/pending-reasons?namespace=team-a", **bearer(ANN))

    place.state.rights = EverythingAllowed()
    asked = [await place.get(path, **bearer(ANN)) for path in paths]

    assert [answer.status for answer in refused] == [403, 200]
    assert (waiting.status, waiting.body["reasons"], waiting.body["message"]) == (200, [], "waits for a GPU")
    assert 'User "ann" cannot list resource "events"' in waiting.body["error"]
    assert 'User "ann" cannot get resource "pods/log"' in asked[0].message
    assert 'User "ann" cannot get resource "services/proxy"' in asked[1].body["error"]


async def test_a_create_is_the_callers(place: WebPlace) -> None:
    body = {"name": "demo", "modelId": "acme/tiny", "namespace": "team-a"}

    assert (await place.post("/api/deployments", body, **bearer(ANN))).status == 201
    refused = await place.post("/api/deployments", {**body, "namespace": "team-b"}, **bearer(ANN))

    assert refused.status == 403
    assert "ann" in refused.message


async def test_nothing_is_installed_without_the_right_to_the_registration(place: WebPlace) -> None:
    charts = (
        '{"helmCharts": [{"name": "a", "chart": "oci://example.com/a", "namespace": "a", "version": "1"}]}'
    )
    await place.config("acme", annotations={"airunway.ai/installation": charts})
    await place.until(lambda: place.state.fleet.config("acme") is not None)

    for path in ("install", "upgrade", "uninstall", "uninstall-crds"):
        answer = await place.post(f"/api/installation/providers/acme/{path}", **bearer(ANN))

        assert answer.status == 403
        assert "inferenceproviderconfigs" in answer.message


@pytest.mark.parametrize("path", ["gpu-operator/install", "gateway/install-crds"])
async def test_no_prerequisite_is_installed_without_the_right_to_its_name(place: WebPlace, path: str) -> None:
    answer = await place.post(f"/api/installation/{path}", **bearer(ANN))

    assert answer.status == 403
    assert "ann may not patch inferenceproviderconfigs.airunway.ai" in answer.message


async def test_a_pasted_token_becomes_a_cookie_whose_forms_need_their_token(place: WebPlace) -> None:
    signed = await place.post("/session", {"token": ANN})
    assert (signed.status, signed.body) == (200, {"user": "ann"})
    cookie = signed.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and ANN not in cookie

    assert (await place.get("/api/deployments")).status == 200
    body = {"name": "demo", "modelId": "acme/tiny", "namespace": "team-a"}
    assert (await place.post("/api/deployments", body)).status == 403

    sealed = cookie.partition("=")[2].partition(";")[0].strip('"')
    token = place.state.identities.sessions.csrf_token(sealed)
    assert (await place.post("/api/deployments", body, X_CSRF_Token=token)).status == 201

    await place.post("/session/end")
    assert (await place.get("/api/deployments")).status == 401


async def test_a_form_leads_only_to_a_path_of_this_server(place: WebPlace) -> None:
    for given, led in (("/fleet?x=1", "/fleet?x=1"), ("//evil.example.com", "/"), ("https://evil", "/")):
        form = {"token": ANN, "next": given}
        async with place.session.post(f"{place.url}/session", data=form, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, led)


async def test_a_wrong_token_signs_nobody_in(place: WebPlace) -> None:
    answer = await place.post("/session", {"token": "wrong"})

    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    assert "X-Airunway-Auth-Error" not in answer.headers


async def test_a_wrong_token_in_a_browser_without_scripts_is_answered_with_a_page(place: WebPlace) -> None:
    headers = {"Accept": "text/html,application/xhtml+xml"}
    for token, status in (("wrong", 403), ("", 400)):
        async with place.session.post(
            f"{place.url}/session", data={"token": token}, headers=headers
        ) as answer:
            said = ParsedPage(await answer.text()).by_id("page").text

        assert (answer.status, answer.content_type) == (status, "text/html")
        assert "token" in said and "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("token", ["a b", "a\tb", "ä"])
async def test_a_token_that_no_header_can_carry_is_refused(place: WebPlace, token: str) -> None:
    assert (await place.post("/session", {"token": token})).status == 403
