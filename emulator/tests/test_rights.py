"""Requests as somebody else than the administrator: judged by Roles and bindings."""

from __future__ import annotations

from typing import Any

import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Answer, Api

from .objects import CRD_PATH, Obj, Space, config_map

RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
READ = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}


def as_user(name: str, group: str = "") -> dict[str, str]:
    return {"Impersonate-User": name} | ({"Impersonate-Group": group} if group else {})


def _subject(name: str) -> Obj:
    return {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}


async def _grant(api: Api, space: Space, *rules: Obj, subject: Obj | None = None, name: str = "r") -> None:
    path = f"{RBAC}/namespaces/{space.name}"
    role = {"metadata": {"name": name}, "rules": list(rules)}
    ref = {"kind": "Role", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject or _subject("ann")]}
    (await api.create(f"{path}/roles", role)).ok()
    (await api.create(f"{path}/rolebindings", binding)).ok()


async def _until_allowed(api: Api, path: str, **options: Any) -> Answer:
    """A real server judges by what it has heard, which may be a moment old."""
    while (answer := await api.get(path, **options)).code == 403:
        pass
    return answer


async def test_who_has_no_rights_is_refused_with_what_it_lacks(api: Api, space: Space):
    answer = await api.get(space.config_maps, headers=as_user("ann"))

    answer.refused(403, "Forbidden")
    lacks = f'cannot list resource "configmaps" in API group "" in the namespace "{space.name}"'
    assert answer.message == f'configmaps is forbidden: User "ann" {lacks}'
    assert answer.body["details"] == {"kind": "configmaps"}


@pytest.mark.parametrize(
    ("method", "path", "about", "lacks"),
    [
        ("GET", "{core}/pods/p", 'pods "p"', 'get resource "pods" in API group "" {in}'),
        ("GET", "{core}/pods/p/log", 'pods "p"', 'get resource "pods/log" in API group "" {in}'),
        (
            "POST",
            "{core}/services/s:80/proxy/v1/chat",
            'services "s:80"',
            'create resource "services/proxy" in API group "" {in}',
        ),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/{name}/deployments",
            "deployments.apps",
            'deletecollection resource "deployments" in API group "apps" {in}',
        ),
        (
            "GET",
            "/api/v1/nodes?watch=true",
            "nodes",
            'watch resource "nodes" in API group "" at the cluster scope',
        ),
        (
            "GET",
            "/apis/nowhere.example.com/v1/things/t",
            'things.nowhere.example.com "t"',
            'get resource "things" in API group "nowhere.example.com" at the cluster scope',
        ),
        (
            "GET",
            "/api/v1/namespaces/{name}",
            'namespaces "{name}"',
            'get resource "namespaces" in API group "" {in}',
        ),
        ("GET", "/metrics", "", 'get path "/metrics"'),
    ],
)
async def test_what_is_refused_is_named(
    api: Api, space: Space, method: str, path: str, about: str, lacks: str
):
    words = {"core": space.core, "name": space.name, "in": f'in the namespace "{space.name}"'}

    answer = await api.call(method, path.format(**words), headers=as_user("ann"))

    answer.refused(403, "Forbidden")
    said = f'User "ann" cannot {lacks.format(**words)}'
    told = f"{about.format(**words)} is forbidden: {said}" if about else f"forbidden: {said}"
    assert answer.message == told


async def test_a_role_gives_its_verbs_and_no_others(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))
    await _grant(api, space, READ)

    read = await _until_allowed(api, f"{space.config_maps}/a", headers=as_user("ann"))
    deleted = await api.delete(f"{space.config_maps}/a", headers=as_user("ann"))
    elsewhere = await api.get("/api/v1/namespaces/default/configmaps", headers=as_user("ann"))
    other = await api.get(space.config_maps, headers=as_user("bob"))

    assert read.ok()["metadata"]["name"] == "a"
    assert [answer.code for answer in (deleted, elsewhere, other)] == [403, 403, 403]


async def test_a_role_may_be_for_some_names_only(api: Api, space: Space):
    for name in ("a", "b"):
        await api.create(space.config_maps, config_map(name))
    await _grant(api, space, READ | {"resourceNames": ["a"]})

    await _until_allowed(api, f"{space.config_maps}/a", headers=as_user("ann"))
    other = await api.get(f"{space.config_maps}/b", headers=as_user("ann"))
    listed = await api.get(space.config_maps, headers=as_user("ann"))
    picked = await api.get(
        space.config_maps, headers=as_user("ann"), query={"fieldSelector": "metadata.name=a"}
    )

    assert (other.code, listed.code, picked.code) == (403, 403, 200)


async def test_groups_and_service_accounts_are_subjects_too(api: Api, space: Space):
    group = {"kind": "Group", "name": "readers", "apiGroup": "rbac.authorization.k8s.io"}
    account = {"kind": "ServiceAccount", "name": "robot", "namespace": space.name}
    await _grant(api, space, READ, subject=group, name="group")
    await _grant(api, space, READ, subject=account, name="account")

    for headers in (as_user("cid", "readers"), as_user(f"system:serviceaccount:{space.name}:robot")):
        await _until_allowed(api, space.config_maps, headers=headers)

    refused = await api.get(space.config_maps, headers=as_user("system:serviceaccount:default:robot"))
    assert refused.code == 403


async def test_a_binding_to_a_role_that_is_not_there_says_so(api: Api, space: Space):
    ref = {"kind": "Role", "name": "gone", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"metadata": {"name": "b"}, "roleRef": ref, "subjects": [_subject("ann")]}
    (await api.create(f"{RBAC}/namespaces/{space.name}/rolebindings", binding)).ok()

    while "RBAC" not in (answer := await api.get(space.config_maps, headers=as_user("ann"))).message:
        pass  # a real server hears of the binding a moment later

    answer.refused(403, "Forbidden")
    assert answer.message.endswith(': RBAC: role.rbac.authorization.k8s.io "gone" not found')


async def test_to_apply_what_is_not_there_needs_the_right_to_create(api: Api, space: Space):
    await _grant(api, space, READ | {"verbs": ["get", "patch"]})
    await _until_allowed(api, f"{space.config_maps}/a", headers=as_user("ann"))
    path = f"{space.config_maps}/a"

    made = await api.apply(path, config_map("a"), manager="m", headers=as_user("ann"))
    await api.create(space.config_maps, config_map("a"))
    changed = await api.apply(path, config_map("a", {"x": "1"}), manager="m", headers=as_user("ann"))

    made.refused(403, "Forbidden")
    assert 'cannot create resource "configmaps"' in made.message
    assert changed.ok()["data"] == {"x": "1"}


async def test_everybody_may_look_around_and_ask_about_themselves(api: Api):
    headers = as_user("ann")

    for path in ("/api", "/apis", "/apis/apps/v1", "/version", "/openapi/v3"):
        assert (await api.get(path, headers=headers)).code == 200, path
    who = await api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, headers=headers)

    assert who.ok()["status"]["userInfo"]["username"] == "ann"
    assert "system:authenticated" in who.body["status"]["userInfo"]["groups"]


async def test_reviews_answer_as_requests_are_judged(api: Api, space: Space):
    await _grant(api, space, READ)
    await _until_allowed(api, space.config_maps, headers=as_user("ann"))
    asked = {"verb": "list", "resource": "configmaps", "namespace": space.name}
    self_review, other_review = f"{REVIEWS}/selfsubjectaccessreviews", f"{REVIEWS}/subjectaccessreviews"

    def spec(verb: str, **more: str) -> Obj:
        return {"spec": {"resourceAttributes": asked | {"verb": verb}, **more}}

    own = [await api.create(self_review, spec(verb), headers=as_user("ann")) for verb in ("list", "create")]
    others = [await api.create(other_review, spec("list", user=user)) for user in ("ann", "bob")]
    rules = await api.create(
        f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": space.name}}, headers=as_user("ann")
    )

    assert [answer.ok()["status"]["allowed"] for answer in own] == [True, False]
    assert [answer.ok()["status"]["allowed"] for answer in others] == [True, False]
    bound = f'RoleBinding "r/{space.name}" of Role "r" to User "ann"'
    assert others[0].body["status"]["reason"] == f"RBAC: allowed by {bound}"
    given = [rule["resources"] for rule in rules.ok()["status"]["resourceRules"]]
    assert ["configmaps"] in given
    assert ["selfsubjectreviews"] in given


async def test_a_token_that_nobody_has_is_refused(api: Api):
    answer = await api.get("/api/v1/namespaces", headers={"Authorization": "Bearer nobody's"})

    answer.refused(401, "Unauthorized")
    assert answer.message == "Unauthorized"


async def test_a_review_of_a_token_that_nobody_has_says_so(api: Api):
    unknown = await api.create(TOKENS, {"spec": {"token": "nobody's"}})
    empty = await api.create(TOKENS, {"spec": {}})

    assert "authenticated" not in unknown.ok()["status"]
    assert unknown.body["status"]["error"]
    empty.refused(400, "BadRequest")
    assert empty.message == "token is required for TokenReview in authentication"


async def test_a_user_who_may_not_take_anothers_place_is_refused(emulated: EmulatedCluster, tmp_path: Any):
    emulated.users.add("anns", "ann")
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        headers = {"Authorization": "Bearer anns"} | as_user("root", "system:masters")

        answer = await api.get(CRD_PATH, headers=headers)

    answer.refused(403, "Forbidden")
    lacks = 'cannot impersonate resource "users" in API group "" at the cluster scope'
    assert answer.message == f'users "root" is forbidden: User "ann" {lacks}'


async def test_a_registered_token_is_its_users(emulated: EmulatedCluster, tmp_path: Any):
    emulated.users.add("anns", "ann", groups=("team",), uid="u1")
    emulated.users.add("robots", "system:serviceaccount:default:robot")
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        headers = {"Authorization": "Bearer anns"}
        review = await api.create(TOKENS, {"spec": {"token": "robots"}})
        who = await api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, headers=headers)
        refused = await api.get("/api/v1/nodes", headers=headers)
        emulated.users.remove("anns")
        gone = await api.get("/api", headers=headers)

    groups = ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
    robot = {"username": "system:serviceaccount:default:robot", "groups": groups}
    assert review.ok()["status"]["user"] == robot
    assert review.body["status"]["authenticated"] is True
    ann = {"username": "ann", "uid": "u1", "groups": ["team", "system:authenticated"]}
    assert who.ok()["status"]["userInfo"] == ann
    refused.refused(403, "Forbidden")
    gone.refused(401, "Unauthorized")


async def test_a_bound_cluster_admin_may_do_everything(emulated: EmulatedCluster, tmp_path: Any):
    emulated.users.add("anns", "ann")
    ref = {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"metadata": {"name": "b"}, "roleRef": ref, "subjects": [_subject("ann")]}
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        (await api.create(f"{RBAC}/clusterrolebindings", binding)).ok()

        nodes = await api.get("/api/v1/nodes", headers={"Authorization": "Bearer anns"})

    assert nodes.code == 200
