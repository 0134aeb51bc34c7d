"""What the manifests grant to a process is what it uses: nothing is missing, and nothing is too much.

`uses.py` says what is used. Here it is held against the roles, both ways.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airunway.api import names
from airunway.modelimage.builder_objects import builder_objects
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.registry_objects import registry_objects
from tests.deploy.grants import EVERY, Grant, beyond, granted_to, missing_from, wanted_by
from tests.deploy.manifests import ALL_IN_ONE, CORE, GATEWAY, INSTALLER, ROOT, WEB, objects, of_kind
from tests.deploy.processes import PROVIDERS, USES, account_of
from tests.deploy.uses import INSTALLER as INSTALLS
from tests.deploy.uses import WATCHER, WORKER

TOGETHER = [*objects(CORE), *objects(GATEWAY), *objects(INSTALLER), *objects(WEB)]
for _folder in sorted(ROOT.glob("providers/*/deploy")):
    TOGETHER += objects(_folder)

BINDINGS = [obj for obj in TOGETHER if obj["kind"].endswith("RoleBinding")]
PEOPLE, PEOPLE_WRITE = ("admin", "editor", "viewer"), ("modeldeployment", "inferenceproviderconfig")


# -- roles ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", USES)
def test_a_process_is_granted_all_that_it_uses(account: str) -> None:
    assert missing_from(granted_to(account, TOGETHER), wanted_by(USES[account])) == []


@pytest.mark.parametrize("account", USES)
def test_a_process_is_granted_nothing_else(account: str) -> None:
    assert beyond(granted_to(account, TOGETHER), wanted_by(USES[account])) == []


def test_the_worker_of_all_in_one_is_granted_what_it_and_every_provider_use() -> None:
    granted = granted_to(WORKER, objects(ALL_IN_ONE))
    wanted = wanted_by([*USES[WORKER], *(use for name in PROVIDERS for use in USES[account_of(name)])])

    assert missing_from(granted, wanted) == []
    assert beyond(granted, wanted) == []


def test_every_account_is_in_the_list() -> None:
    assert of_kind("ServiceAccount", TOGETHER).keys() == USES.keys()


def test_no_account_is_bound_that_is_not_there() -> None:
    """Whoever may make an account of the name would have its rights."""
    accounts = {
        ("ServiceAccount", obj["metadata"]["namespace"], obj["metadata"]["name"])
        for obj in TOGETHER
        if obj["kind"] == "ServiceAccount"
    }
    groups = {("Group", None, f"system:serviceaccounts:{namespace}") for _, namespace, _ in accounts}

    subjects = [subject for binding in BINDINGS for subject in binding["subjects"]]
    bound = {(entry["kind"], entry.get("namespace"), entry["name"]) for entry in subjects}
    assert bound - groups == accounts


def test_roles_that_nobody_is_bound_to_are_those_for_people() -> None:
    """So no role waits for a binding, and none adds to the roles that Kubernetes itself gives to people."""
    bound = {(binding["roleRef"]["kind"], binding["roleRef"]["name"]) for binding in BINDINGS}
    people = {("ClusterRole", f"airunway-{kind}-{role}-role") for kind in PEOPLE_WRITE for role in PEOPLE}
    summed_up = "airunway.ai/aggregate-to-watcher"

    for role in (obj for obj in TOGETHER if obj["kind"] in ("ClusterRole", "Role")):
        labels = role["metadata"]["labels"]
        assert not [label for label in labels if label.startswith("rbac.authorization.k8s.io/")]
        known = (role["kind"], role["metadata"]["name"]) in bound | people
        assert known or labels.get(summed_up) == "true", role["metadata"]["name"]


def test_an_additional_right_is_found() -> None:
    granted = {*granted_to(WATCHER, TOGETHER), Grant("get", "", "secrets", EVERY, EVERY)}

    assert beyond(granted, wanted_by(USES[WATCHER])) == [Grant("get", "", "secrets", EVERY, EVERY)]


def test_a_right_on_one_name_is_not_one_on_every_name() -> None:
    wanted = {Grant("get", "", "secrets", "a", EVERY)}

    assert missing_from({Grant("get", "", "secrets", "a", "one")}, wanted) == sorted(wanted)
    assert missing_from({Grant("get", "", "secrets", EVERY, EVERY)}, wanted) == []


# -- in particular -------------------------------------------------------------------------------------------


def test_nobody_but_the_installer_may_do_everything() -> None:
    for account in USES.keys() - {INSTALLS}:
        assert [grant for grant in granted_to(account, TOGETHER) if "*" in grant[:3]] == []


@pytest.mark.parametrize("account", sorted(USES.keys() - {INSTALLS}))
def test_secrets_are_read_by_name_only_and_never_listed(account: str) -> None:
    rights = [grant for grant in granted_to(account, TOGETHER) if grant.resource == "secrets"]

    made = {grant.name for grant in rights if grant.verb == "create"}
    assert made <= {names.PULL_SECRET}, "what is applied has a name when it is created"
    assert {grant.verb for grant in rights} <= {"get", "patch", "create"}
    assert all(grant.name != EVERY for grant in rights)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_writes_its_own_config_only(name: str) -> None:
    rights = [
        grant
        for grant in granted_to(account_of(name), TOGETHER)
        if grant.resource.partition("/")[0] == "inferenceproviderconfigs" and grant.verb != "create"
    ]

    assert {grant.name for grant in rights} == {name}


@pytest.mark.parametrize("empty_dir", [False, True])
def test_the_worker_may_ensure_registry_and_builder(empty_dir: bool) -> None:
    options = ClusterOptions(empty_dir=empty_dir, registry_readers=["10.0.0.0/8"])
    made = [
        *registry_objects(options, image="r", lineage="l"),
        *builder_objects(options, image="b", certificate="c"),
    ]
    wanted = {Grant(verb, *_place_of(obj)) for obj in made for verb in ("get", "patch", "create")}

    assert missing_from(granted_to(WORKER, objects(CORE)), wanted) == []


def _place_of(obj: dict[str, Any]) -> tuple[str, str, str, str]:
    """Group, resource, namespace and name."""
    plural = f"{obj['kind'].lower()}s".replace("policys", "policies")
    meta = obj["metadata"]
    return obj["apiVersion"].rpartition("/")[0], plural, meta["namespace"], meta["name"]


@pytest.mark.parametrize("folder", sorted(ROOT.glob("providers/*/deploy")), ids=lambda path: path.parent.name)
def test_a_provider_on_its_own_is_granted_what_it_uses(folder: Path) -> None:
    """With the core's manifests, and without those of other providers."""
    account = account_of(folder.parent.name)
    granted = granted_to(account, [*objects(CORE), *objects(folder)])

    assert missing_from(granted, wanted_by(USES[account])) == []


def test_the_cluster_is_named_to_every_account_of_the_namespace() -> None:
    (binding,) = (
        obj
        for obj in objects(CORE)
        if obj["kind"] == "ClusterRoleBinding" and obj["metadata"]["name"] == "airunway-cluster-name"
    )

    assert [entry["name"] for entry in binding["subjects"]] == [
        f"system:serviceaccounts:{names.SYSTEM_NAMESPACE}"
    ]
