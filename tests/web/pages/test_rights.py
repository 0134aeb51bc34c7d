"""Who may see and do what on the pages: as Kubernetes says of the person who signed in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import DEPLOYMENTS, NAMESPACES, Cluster, Resource
from airunway.web.pages.deploy_form import example_body, text_of
from kube_emulator import EmulatedCluster
from tests.web.pages.parsed import ParsedPage
from tests.web.place import Answered, WebPlace, web_before

RBAC = "rbac.authorization.k8s.io/v1"
ANN, BOB, EVE = "ann-has-a-token", "bob-may-look-around", "eve-may-nothing"


async def allow(cluster: Cluster, user: str, *verbs: str) -> None:
    """Deployments of team-a."""
    meta = {"name": user, "namespace": "team-a"}
    rules = [{"apiGroups": ["airunway.ai"], "resources": ["modeldeployments"], "verbs": list(verbs)}]
    role: dict[str, Any] = {"apiVersion": RBAC, "kind": "Role", "metadata": meta, "rules": rules}
    group = "rbac.authorization.k8s.io"
    binding: dict[str, Any] = {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    await cluster.create(Resource(RBAC, "roles"), role, namespace="team-a")
    await cluster.create(Resource(RBAC, "rolebindings"), binding, namespace="team-a")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[WebPlace]:
    """Ann may do everything with deployments in team-a, Bob look at them, Eve nothing."""
    async with EmulatedCluster() as emulated:
        for token, user in ((ANN, "ann"), (BOB, "bob"), (EVE, "eve")):
            emulated.users.add(token, user)
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            await apply_own_crds(cluster, field_manager="test")
            for name in ("team-a", "team-b"):
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                await cluster.create(NAMESPACES, body)
            await allow(cluster, "ann", "*")
            await allow(cluster, "bob", "get", "list")
            async with web_before(cluster, web_auth=True) as made:
                for namespace in ("team-a", "team-b"):
                    await made.deployment("chat", namespace=namespace)
                await made.config("kaito")
                await made.until(lambda: len(made.state.fleet.deployments.objects) == 2)
                yield made


def of(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def submit(place: WebPlace, path: str, token: str, **fields: str) -> Answered:
    """A form, as a browser without scripts sends it."""
    async with place.session.post(
        place.url + path, data=fields, headers=of(token), allow_redirects=False
    ) as answer:
        return Answered(answer.status, await answer.text(), dict(answer.headers))


async def test_who_has_not_signed_in_is_led_there_and_back(place: WebPlace) -> None:
    answer = await place.get("/deployments/team-a/chat?timeline=all")

    assert answer.status == 303
    assert answer.headers["Location"] == "/login?next=/deployments/team-a/chat%3Ftimeline%3Dall"
    login = ParsedPage((await place.get(answer.headers["Location"])).body)
    assert login.all("input", name="next")[0].attributes["value"] == "/deployments/team-a/chat?timeline=all"


async def test_a_script_that_has_not_signed_in_is_told_so(place: WebPlace) -> None:
    answer = await place.post("/deploy/plan", Accept="application/json")

    assert (answer.status, answer.body["ok"]) == (401, False)


@pytest.mark.parametrize(("token", "names"), [(ANN, ["team-a/chat"]), (BOB, ["team-a/chat"]), (EVE, [])])
async def test_the_fleet_is_what_one_may_list(place: WebPlace, token: str, names: list[str]) -> None:
    page = ParsedPage((await place.get("/", **of(token))).body)

    assert [element.text for element in page.all("th", scope="row")] == names
    assert "team-b" not in page.text
    assert "you may not list nodes" in page.by_id("nodes").text


async def test_a_deployment_is_shown_to_who_may_get_it(place: WebPlace) -> None:
    assert (await place.get("/deployments/team-a/chat", **of(BOB))).status == 200
    refused = await place.get("/deployments/team-b/chat", **of(BOB))

    assert refused.status == 403
    said = ParsedPage(refused.body).by_id("page").text
    assert 'bob may not get modeldeployments.airunway.ai "chat" in namespace "team-b"' in said


async def test_one_that_is_not_there_and_one_that_may_not_be_seen_are_refused_alike(place: WebPlace) -> None:
    answers = [await place.get(f"/deployments/team-b/{name}", **of(BOB)) for name in ("chat", "nothing")]

    assert [answer.status for answer in answers] == [403, 403]


async def test_who_may_only_look_has_no_buttons_to_press(place: WebPlace) -> None:
    page = ParsedPage((await place.get("/deployments/team-a/chat", **of(BOB))).body)

    assert not [form for form in page.all("form") if "/deployments/" in form.attributes["action"]]
    assert "you may not change it" in page.by_id("facts").text
    shown = {button.text for button in page.all("button") if "disabled" in button.attributes}
    assert shown == {"Retry", "Cancel build", "Pause", "Edit", "Scale", "Delete"}
    assert "you may not delete it" in page.by_id("page").text
    assert "you may not list pods" in page.by_id("pods").text


@pytest.mark.parametrize(("token", "may"), [(ANN, True), (BOB, False)])
async def test_a_build_is_begun_again_by_who_may_change_its_deployment(
    place: WebPlace, token: str, may: bool
) -> None:
    failed = {"type": "ModelImageReady", "status": "False", "reason": "BuildStalled", "message": "stalled"}
    failed["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    await place.deployment("unbuilt", namespace="team-a", phase="Failed", conditions=[failed])
    await place.until(lambda: bool((place.state.fleet.deployment("team-a", "unbuilt") or {}).get("status")))

    page = ParsedPage((await place.get("/images", **of(token))).body)

    (again,) = [button for button in page.all("button") if button.text == "Build again"]
    assert ("disabled" in again.attributes) is not may
    assert ("you may not change it" in page.by_id("failed").text) is not may
    forms = page.all("form", action="/deployments/team-a/unbuilt/ask/retry")
    assert bool(forms) is may


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("ask/retry", {}),
        ("ask/pause", {}),
        ("ask/cancel_build", {}),
        ("scale", {"replicas": "3"}),
        ("delete", {}),
    ],
)
async def test_who_may_only_look_is_refused(place: WebPlace, path: str, fields: dict[str, str]) -> None:
    answer = await submit(place, f"/deployments/team-a/chat/{path}", BOB, **fields)

    assert answer.status == 403
    live = await place.cluster.get(DEPLOYMENTS, "chat", namespace="team-a")
    assert "scaling" not in live["spec"] or live["spec"]["scaling"].get("replicas") != 3


async def test_who_may_scales_and_deletes_the_one_that_was_shown(place: WebPlace) -> None:
    live = await place.cluster.get(DEPLOYMENTS, "chat", namespace="team-a")

    assert (await submit(place, "/deployments/team-a/chat/scale", ANN, replicas="3")).status == 200
    wrong = await submit(place, "/deployments/team-a/chat/delete", ANN, uid="another")
    right = await submit(place, "/deployments/team-a/chat/delete", ANN, uid=live["metadata"]["uid"])

    assert (wrong.status, right.status) == (409, 200)
    assert await place.cluster.find(DEPLOYMENTS, "chat", namespace="team-a") is None


@pytest.mark.parametrize("replicas", ["-1", "1001", "x", ""])
async def test_a_number_that_is_none_is_refused_on_a_page(place: WebPlace, replicas: str) -> None:
    answer = await submit(place, "/deployments/team-a/chat/scale", ANN, replicas=replicas)

    assert answer.status == 422
    assert "replicas" in ParsedPage(answer.body).by_id("page").text


@pytest.mark.parametrize(
    ("token", "namespace", "status"), [(ANN, "team-a", 303), (ANN, "team-b", 403), (EVE, "team-a", 403)]
)
async def test_creating_is_as_kubernetes_says(
    place: WebPlace, token: str, namespace: str, status: int
) -> None:
    body = example_body()
    body["metadata"] = {"name": "made", "namespace": namespace}

    answer = await submit(place, "/deploy", token, yaml=text_of(body), edited="yaml", action="create")

    assert answer.status == status
    made = await place.cluster.find(DEPLOYMENTS, "made", namespace=namespace)
    assert (made is not None) == (status == 303)
    if status == 403:
        page = ParsedPage(answer.body)
        assert "Refused" in page.by_id("page").text and "name: made" in page.by_id("yaml").text


@pytest.mark.parametrize(("namespace", "may"), [("team-a", True), ("team-b", False), ("nowhere", False)])
async def test_whether_it_may_be_created_follows_the_namespace_that_is_typed(
    place: WebPlace, namespace: str, may: bool
) -> None:
    begun = ParsedPage((await place.get("/deploy", **of(ANN))).body)
    assert "disabled" in begun.all("button", value="create")[0].attributes
    assert 'in namespace "default"' in begun.by_id("why-not").text
    body = example_body()
    body["metadata"]["namespace"] = namespace

    answer = await submit(place, "/deploy/plan", ANN, yaml=text_of(body), edited="yaml")

    why_not = json.loads(answer.body)["whyNot"]
    expected = f'you may not create modeldeployments.airunway.ai in namespace "{namespace}"'
    assert why_not == ("" if may else expected)


async def test_an_edit_of_an_old_version_changes_nothing(place: WebPlace) -> None:
    page = ParsedPage((await place.get("/deployments/team-a/chat/edit", **of(ANN))).body)
    old = "".join(page.by_id("yaml").parts)
    await submit(place, "/deployments/team-a/chat/scale", ANN, replicas="2")

    changed = old.replace("acme/tiny", "acme/other")
    answer = await submit(
        place, "/deployments/team-a/chat/edit", ANN, yaml=changed, edited="yaml", action="save"
    )

    assert answer.status in (409, 422)
    live = await place.cluster.get(DEPLOYMENTS, "chat", namespace="team-a")
    assert live["spec"]["model"]["id"] == "acme/tiny"


async def test_an_edit_does_not_become_another_object(place: WebPlace) -> None:
    page = ParsedPage((await place.get("/deployments/team-a/chat/edit", **of(ANN))).body)
    moved = "".join(page.by_id("yaml").parts).replace("name: chat", "name: other")

    answer = await submit(
        place, "/deployments/team-a/chat/edit", ANN, yaml=moved, edited="yaml", action="save"
    )

    assert answer.status == 422
    assert "team-a/chat" in ParsedPage(answer.body).by_id("page").text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/providers"),
        ("GET", "/providers/kaito"),
        ("GET", "/providers/kaito/install"),
        ("POST", "/providers/kaito/install"),
        ("POST", "/providers/kaito/uninstall"),
        ("POST", "/providers/kaito/ask/cancel"),
        ("GET", "/prerequisites/gpu-operator"),
        ("GET", "/prerequisites/gpu-operator/install"),
        ("POST", "/prerequisites/gpu-operator/install"),
        ("POST", "/prerequisites/gateway-crds/ask/cancel"),
    ],
)
async def test_providers_are_for_who_may_their_configs(place: WebPlace, method: str, path: str) -> None:
    answer = await place.call(method, path, **of(ANN))

    assert answer.status == 403
    assert "inferenceproviderconfigs" in answer.body


async def test_what_changed_is_told_only_to_who_may_see_it(place: WebPlace) -> None:
    assert (await place.get("/events?of=team-b/chat", **of(ANN))).status == 403


async def test_a_cookie_alone_presses_no_button(place: WebPlace) -> None:
    assert (await place.post("/session", {"token": ANN})).status == 200
    page = ParsedPage((await place.get("/deployments/team-a/chat")).body)
    token = page.all("input", name="csrf_token")[0].attributes["value"]
    url = f"{place.url}/deployments/team-a/chat/scale"

    async with place.session.post(url, data={"replicas": "4"}) as without:
        assert without.status == 403
    async with place.session.post(url, data={"replicas": "4", "csrf_token": token}) as given:
        assert given.status == 200


@pytest.mark.parametrize("path", ["/deploy", "/deployments/team-a/chat/edit"])
async def test_what_cannot_be_read_cannot_be_sent(place: WebPlace, path: str) -> None:
    button, editing = ("create", "") if path == "/deploy" else ("save", "team-a/chat")
    reason = "the YAML cannot be read, as the plan says; mend it and plan again"

    planned = await submit(place, "/deploy/plan", ANN, yaml="a: [", edited="yaml", editing=editing)
    shown = ParsedPage((await submit(place, path, ANN, yaml="a: [", edited="yaml", action=button)).body)

    assert json.loads(planned.body)["whyNot"] == reason
    assert "disabled" in shown.all("button", value=button)[0].attributes
    assert shown.by_id("why-not").text == reason
    assert "not YAML" in shown.by_id("plan").text


@pytest.mark.parametrize(("token", "may"), [(ANN, True), (BOB, False)])
async def test_whether_it_may_be_saved_is_said_with_each_plan(place: WebPlace, token: str, may: bool) -> None:
    body = example_body()
    body["metadata"] = {"name": "chat", "namespace": "team-a"}

    answer = await submit(
        place, "/deploy/plan", token, yaml=text_of(body), edited="yaml", editing="team-a/chat"
    )

    expected = 'you may not patch modeldeployments.airunway.ai "chat" in namespace "team-a"'
    assert json.loads(answer.body)["whyNot"] == ("" if may else expected)
