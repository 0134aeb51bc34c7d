"""Every call that our code makes to the API server is granted to the account that makes it.

The calls are read from the source: `cluster.<method>(<kind>, ...)`. Where the kind is a variable it is one of
a provider's kinds. A new call, or one of a new file, makes a test here fail until the role has it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from airunway.api import names
from airunway.clients.kubernetes import Resource
from airunway.modelimage.builder_objects import builder_objects
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.registry_objects import registry_objects
from airunway.provider.registry import installed_providers
from tests.deploy.manifests import (
    CORE,
    INSTALLER,
    ROOT,
    Rights,
    bound_to,
    objects,
    rights_of_account,
)

VERBS = {
    "get": ["get"],
    "find": ["get"],
    "listing": ["list"],
    "create": ["create"],
    "apply": ["create", "patch"],  # an apply that finds nothing creates
    "patch": ["patch"],
    "delete": ["delete"],
    "Reflector": ["list", "watch"],
    "_read": ["list"],
}

WORKER, WATCHER, PROVIDER, INSTALLS = "airunway-worker", "airunway-watcher", "provider", "airunway-installer"
ACCOUNTS = {
    "airunway.activities.deployment": WORKER,
    "airunway.activities.installation": INSTALLS,
    "airunway.activities.model_image": WORKER,
    "airunway.activities.upstream": PROVIDER,
    "airunway.activities.installation.operators": INSTALLS,
    "airunway.clients.events": WORKER,
    "airunway.clients.helm": INSTALLS,
    "airunway.clients.lease": INSTALLS,
    "airunway.workers.cluster_name": WORKER,
    "airunway.workers.heartbeats": WATCHER,
    "airunway.workers.lease_store": WATCHER,
    "airunway.workers.registration": PROVIDER,
    "airunway.workers.watcher": WATCHER,
}
"""Module, or room of modules, to the account that runs it; the longest that fits counts."""
GENERIC = {"airunway.clients.reflector", "airunway.clients.crds", "airunway.clients.access_review"}
"""They call for others, whose own call is found; what one may do, everybody may ask."""


@dataclass(frozen=True)
class Call:
    """One call: `kind` is a constant of the module, or empty for a provider's kind."""

    module: str
    method: str
    kind: str
    status: bool


def calls() -> Iterator[Call]:
    """Every call of our packages to the API server."""
    for folder in ("activities", "airunway/clients", "workers"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts if parts[0] == "airunway" else ("airunway", *parts))
            if module not in GENERIC and not module.startswith("airunway.clients.kubernetes."):
                yield from _calls_in(module, ast.parse(file.read_text()))


def _calls_in(module: str, tree: ast.AST) -> Iterator[Call]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, arguments = node.func, node.args
        if isinstance(function, ast.Attribute) and "cluster" in ast.unparse(function.value).lower():
            method, kinds = function.attr, arguments[:1]
        elif isinstance(function, ast.Name) and function.id in ("Reflector", "_read"):
            method, kinds = function.id, arguments[1:2]
        else:
            continue
        if method in VERBS and kinds:
            name = ast.unparse(kinds[0])
            status = any(
                word.arg == "subresource" and "status" in ast.unparse(word.value) for word in node.keywords
            )
            yield Call(module, method, name if name.isupper() else "", status)


def place_of(module: str) -> str:
    """The entry of ACCOUNTS for a module; empty when there is none."""
    return max((place for place in ACCOUNTS if f"{module}.".startswith(f"{place}.")), key=len, default="")


def account_of(call: Call) -> str:
    """Who makes a call."""
    return ACCOUNTS[place_of(call.module)]


def wanted(call: Call) -> Rights:
    """What the API server asks for when the call is made."""
    if call.kind:
        kind = getattr(import_module(call.module), call.kind)
        assert isinstance(kind, Resource)
        resource = f"{kind.plural}/status" if call.status else kind.plural
        # Only what exists has a status to apply to.
        verbs = ["patch"] if call.status else VERBS[call.method]
        return {(_group(kind.api_version), resource, verb) for verb in verbs}
    return set()


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def test_every_file_that_calls_the_api_server_has_an_account() -> None:
    assert {place_of(call.module) for call in calls()} == set(ACCOUNTS)


@pytest.mark.parametrize(
    ("account", "folder"), [(WORKER, CORE), (WATCHER, CORE), (INSTALLS, INSTALLER)], ids=str
)
def test_the_core_is_granted_what_it_calls(account: str, folder: Path) -> None:
    granted = rights_of_account(account, objects(folder))

    for call in calls():
        if account_of(call) == account:
            missing = {right for right in wanted(call) if ("*", "*", right[2]) not in granted}
            assert missing <= granted, call


@pytest.mark.parametrize("name", sorted(installed_providers()))
def test_the_watcher_is_granted_the_kinds_of_every_shipped_provider(name: str) -> None:
    granted = rights_of_account(WATCHER, objects(CORE))

    for kind in installed_providers()[name].kinds:
        for verb in ("list", "watch"):
            assert (kind.group, kind.plural, verb) in granted


@pytest.mark.parametrize("name", sorted(installed_providers()))
def test_a_provider_is_granted_what_it_calls(name: str) -> None:
    granted = rights_of_account(f"airunway-{name}-provider", objects(ROOT / "providers" / name / "deploy"))

    for call in calls():
        if account_of(call) == PROVIDER:
            assert wanted(call) <= granted, call


@pytest.mark.parametrize("name", sorted(installed_providers()))
def test_a_provider_may_do_everything_to_its_main_kind(name: str) -> None:
    provider = installed_providers()[name]
    granted = rights_of_account(f"airunway-{name}-provider", objects(ROOT / "providers" / name / "deploy"))

    main = provider.kinds[0]
    for verb in ("get", "create", "patch", "delete"):
        assert (main.group, main.plural, verb) in granted


@pytest.mark.parametrize("name", sorted(installed_providers()))
def test_a_provider_may_own_objects_through_a_deployment(name: str) -> None:
    granted = rights_of_account(f"airunway-{name}-provider", objects(ROOT / "providers" / name / "deploy"))

    # The API server asks for it where blockOwnerDeletion is set.
    assert (names.GROUP, f"{names.DEPLOYMENT_PLURAL}/finalizers", "update") in granted


def test_the_watcher_may_record_events() -> None:
    granted = rights_of_account(WATCHER, objects(CORE))

    events = {right for call in calls() if call.module == "airunway.clients.events" for right in wanted(call)}
    assert events
    assert events <= granted


def test_nobody_of_the_core_may_do_everything() -> None:
    for account in (WORKER, WATCHER):
        assert not [right for right in rights_of_account(account, objects(CORE)) if "*" in right]


def test_the_core_reads_secrets_by_name_only() -> None:
    assert {right for right in rights_of_account(WATCHER, objects(CORE)) if right[1] == "secrets"} == set()

    rules = [rule for obj in bound_to(WORKER, objects(CORE)) for rule in obj["rules"]]
    named = [rule.get("resourceNames") for rule in rules if "secrets" in rule["resources"]]
    assert named == [["airunway-builder-certs", "airunway-registry-login"], ["hf-token-secret"]]


@pytest.mark.parametrize("empty_dir", [False, True])
def test_the_worker_may_ensure_registry_and_builder(empty_dir: bool) -> None:
    options = ClusterOptions(empty_dir=empty_dir, registry_readers=["10.0.0.0/8"])
    made = [
        *registry_objects(options, image="r", lineage="l"),
        *builder_objects(options, image="b", certificate="c"),
    ]
    rules = [
        rule for obj in bound_to(WORKER, objects(CORE)) for rule in obj["rules"] if obj["kind"] == "Role"
    ]

    for obj in made:
        group = _group(obj["apiVersion"])
        plural = f"{obj['kind'].lower()}s".replace("policys", "policies")
        for verb in ("get", "patch", "create"):
            assert any(
                group in rule["apiGroups"]
                and plural in rule["resources"]
                and verb in rule["verbs"]
                and obj["metadata"]["name"] in rule.get("resourceNames", [obj["metadata"]["name"]])
                for rule in rules
            ), (obj["kind"], obj["metadata"]["name"], verb)
