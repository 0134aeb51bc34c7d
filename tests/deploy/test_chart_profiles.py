"""The chart with its defaults and its profiles: what each installs, and what it grants."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.registry import installed_providers
from airunway.workers.settings import Settings
from tests.deploy.chart import DEFAULTS, EVERYTHING, PROFILES, VALUES, chart_objects, with_values
from tests.deploy.grants import EVERY, Grant, beyond, granted_to, missing_from, wanted_by
from tests.deploy.manifests import ACCOUNTS_OF_NAMESPACE, objects, of_kind
from tests.deploy.processes import PROVIDERS, USES, account_of
from tests.deploy.uses import INSTALLER, WATCHER, WEB, WEBHOOK, WORKER
from tools.generate.chart import ROOT

ALL = [*VALUES]
POLICIES_GROUP, POLICIES = "networking.k8s.io", "networkpolicies"
OF_PROVIDERS = [account_of(name) for name in PROVIDERS]


def wanted_in(name: str, account: str) -> set[Grant]:
    """What an account uses where the chart is installed with a profile."""
    uses = list(USES[account])
    if VALUES[name].get("allInOne") and account == WORKER:
        uses += [use for provider in OF_PROVIDERS for use in USES[provider]]
    return wanted_by(uses)


def bindings(name: str, kind: str) -> list[dict[str, Any]]:
    return [obj for obj in chart_objects(name) if obj["kind"] == kind]


def test_the_profiles_are_those_of_the_documentation() -> None:
    text = (ROOT / "docs" / "chart.md").read_text()

    assert {name for name in PROFILES if f"| `{name}.yaml` |" in text} == PROFILES.keys()
    assert PROFILES.keys() == {
        *("all-in-one", "impersonation", "model-access", "namespaces", "restricted", "standby")
    }


@pytest.mark.parametrize("name", ALL)
def test_no_object_of_the_chart_is_there_twice(name: str) -> None:
    names = [
        (obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        for obj in chart_objects(name)
    ]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ALL)
def test_accounts_and_roles_that_are_bound_are_in_the_chart(name: str) -> None:
    found = chart_objects(name)
    roles = {
        (obj["kind"], obj["metadata"]["name"]) for obj in found if obj["kind"] in ("ClusterRole", "Role")
    }

    for binding in (obj for obj in found if obj["kind"].endswith("RoleBinding")):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        for subject in binding["subjects"]:
            known = subject["name"] in of_kind("ServiceAccount", found)
            assert known or subject["name"] == ACCOUNTS_OF_NAMESPACE


@pytest.mark.parametrize("account", [WORKER, WATCHER, WEBHOOK, WEB, *OF_PROVIDERS])
def test_each_account_of_the_defaults_is_granted_what_it_uses_and_nothing_else(account: str) -> None:
    granted = granted_to(account, chart_objects())

    assert missing_from(granted, wanted_by(USES[account])) == []
    assert beyond(granted, wanted_by(USES[account])) == []


def test_the_installer_that_is_switched_on_is_granted_what_it_uses_and_nothing_else() -> None:
    granted = granted_to(INSTALLER, chart_objects(EVERYTHING))

    assert missing_from(granted, wanted_by(USES[INSTALLER])) == []
    assert beyond(granted, wanted_by(USES[INSTALLER])) == []


def test_the_kinds_of_the_gpu_operator_are_an_installers_only_where_that_is_wanted() -> None:
    granted = granted_to(INSTALLER, with_values("installer: {enabled: true, prerequisites: false}"))

    written = {(grant.group, grant.resource) for grant in granted if grant.verb == "create"}
    assert not [group for group, _ in written if group in ("nvidia.com", "nfd.k8s-sigs.io")]
    assert ("apiextensions.k8s.io", "customresourcedefinitions") in written


def test_the_web_page_is_there_unless_the_least_is_wanted_and_asks_who_one_is() -> None:
    """Sign-in is on by itself, as it listens on an address that others reach."""
    found = {name for name in ALL if "airunway-web" in of_kind("Deployment", chart_objects(name))}
    (container,) = of_kind("Deployment", chart_objects())["airunway-web"]["spec"]["template"]["spec"][
        "containers"
    ]
    settings = of_kind("ConfigMap", chart_objects())["airunway-settings"]["data"]

    assert set(ALL) - found == {"restricted"}
    assert {"name": "AIRUNWAY_WEB_ADDRESS", "value": "0.0.0.0"} in container["env"]
    assert not [name for name in settings if name.startswith("AIRUNWAY_WEB_AUTH")]
    assert Settings(web_address="0.0.0.0").web_signs_in


def test_all_in_one_has_one_worker_with_the_rights_of_all() -> None:
    granted = granted_to(WORKER, chart_objects("all-in-one"))

    assert missing_from(granted, wanted_in("all-in-one", WORKER)) == []
    assert beyond(granted, wanted_in("all-in-one", WORKER)) == []
    assert of_kind("Deployment", chart_objects("all-in-one")).keys() == {
        *("airunway-worker", "airunway-watcher", "airunway-webhook", "airunway-web", "airunway-private-pulls")
    }


def test_in_chosen_namespaces_nobody_is_bound_everywhere_to_a_role_for_objects() -> None:
    chosen = PROFILES["namespaces"]["chosenNamespaces"]
    everywhere = {obj["roleRef"]["name"] for obj in bindings(DEFAULTS, "ClusterRoleBinding")}
    left = {obj["roleRef"]["name"] for obj in bindings("namespaces", "ClusterRoleBinding")}
    there = {
        (obj["metadata"]["namespace"], obj["roleRef"]["name"])
        for obj in bindings("namespaces", "RoleBinding")
        if obj["roleRef"]["kind"] == "ClusterRole"
    }

    for_objects = {f"{account}-objects" for account in (*OF_PROVIDERS, "airunway-worker-gateway")}
    for_objects.add("airunway-hugging-face-token")
    assert everywhere - left == for_objects
    assert there == {(namespace, role) for namespace in chosen for role in for_objects}
    for name in installed_providers():
        for rule in of_kind("ClusterRole", chart_objects("namespaces"))[f"{account_of(name)}-role"]["rules"]:
            assert rule["apiGroups"] == ["airunway.ai"] or set(rule["verbs"]) <= {"get", "list", "watch"}


def test_in_chosen_namespaces_access_is_limited_and_accounts_are_acted_for_there_alone() -> None:
    found = with_values("""
chosenNamespaces: [team-a, team-b]
modelAccess: {enabled: true}
impersonation: {account: airunway-tenant}
""")

    for account in (WORKER, *OF_PROVIDERS):
        rights = granted_to(account, found)
        acted_for = {right.namespace for right in rights if right.verb == "impersonate"}
        limited = {right.namespace for right in rights if right[:3] == ("delete", POLICIES_GROUP, POLICIES)}
        assert (acted_for, limited) == ({"team-a", "team-b"}, {"team-a", "team-b"})


def test_whoever_writes_for_deployments_may_limit_access_to_models() -> None:
    right = Grant("patch", "networking.k8s.io", "networkpolicies", EVERY, EVERY)
    settings = of_kind("ConfigMap", chart_objects("model-access"))["airunway-settings"]["data"]

    for account in (WORKER, *OF_PROVIDERS):
        assert right in granted_to(account, chart_objects("model-access"))
        assert right not in granted_to(account, chart_objects())
    follows = Grant("watch", "networking.k8s.io", "networkpolicies", EVERY, EVERY)
    assert follows in granted_to(WATCHER, chart_objects("model-access"))
    assert settings["AIRUNWAY_MODEL_ACCESS"] == "namespace"


def test_whoever_writes_for_deployments_may_do_so_as_accounts_of_one_name() -> None:
    right = Grant("impersonate", "", "serviceaccounts", EVERY, "airunway-tenant")
    settings = of_kind("ConfigMap", chart_objects("impersonation"))["airunway-settings"]["data"]

    for account in (WORKER, *OF_PROVIDERS):
        assert {
            grant for grant in granted_to(account, chart_objects("impersonation")) if grant[0] == right[0]
        } == {right}
    assert settings["AIRUNWAY_IMPERSONATE"] == "airunway-tenant"


def test_restricted_admits_no_privileged_pod_anywhere() -> None:
    levels = {
        obj["metadata"]["name"]: obj["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
        for obj in chart_objects("restricted")
        if obj["kind"] == "Namespace"
    }
    settings = of_kind("ConfigMap", chart_objects("restricted"))["airunway-settings"]["data"]

    assert "privileged" not in levels.values()
    assert settings["AIRUNWAY_IMAGE_BUILDS"] == "false"
    assert {"Role", "RoleBinding"} & {
        obj["kind"]
        for obj in chart_objects("restricted")
        if obj["metadata"].get("namespace") == "airunway-builder"
    } == set()


def test_restricted_grants_the_worker_less_than_the_defaults() -> None:
    extra = {
        grant
        for grant in granted_to(WORKER, chart_objects("restricted"))
        if grant.resource != "networkpolicies" and grant.verb != "impersonate"
    }

    assert extra < granted_to(WORKER, chart_objects())
    assert not any(grant.group.startswith("gateway.") for grant in extra)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_worker_of_the_chart_and_the_manifest_of_its_provider_are_one(name: str) -> None:
    ours = of_kind("Deployment", chart_objects())[account_of(name)]["spec"]["template"]["spec"]
    plain = of_kind("Deployment", objects(ROOT / "providers" / name / "deploy"))[account_of(name)]

    assert plain["spec"]["template"]["spec"] == ours


def test_with_everything_switched_on_nobody_is_granted_more_than_by_its_switch() -> None:
    known = {WORKER, WATCHER, WEBHOOK, *OF_PROVIDERS, INSTALLER, WEB}

    assert of_kind("ServiceAccount", chart_objects(EVERYTHING)).keys() == known
    for account in (WORKER, *OF_PROVIDERS):
        more = granted_to(account, chart_objects(EVERYTHING)) - granted_to(account, chart_objects())
        assert {grant.resource for grant in more} == {"networkpolicies", "serviceaccounts"}
