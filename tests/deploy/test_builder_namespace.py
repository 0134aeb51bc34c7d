"""The builder has a namespace of its own: the only one that admits privileged pods, and only the worker's."""

from __future__ import annotations

from typing import Any

from airunway.api import names
from airunway.modelimage.builder_objects import builder_objects
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.workers.model_images import cluster_options
from airunway.workers.settings import Settings
from tests.deploy.manifests import CORE, INSTALLER, objects
from tools.generate import builder_policy

ENFORCE = "pod-security.kubernetes.io/enforce"


def made() -> list[dict[str, Any]]:
    return builder_objects(cluster_options(Settings()), image="b", certificate="c")


def test_only_the_builders_namespace_admits_privileged_pods() -> None:
    levels = {
        obj["metadata"]["name"]: obj["metadata"]["labels"][ENFORCE]
        for obj in [*objects(CORE), *objects(INSTALLER)]
        if obj["kind"] == "Namespace"
    }

    assert [name for name, level in levels.items() if level == "privileged"] == [names.BUILDER_NAMESPACE]
    assert levels[names.SYSTEM_NAMESPACE] == "restricted"


def test_all_of_the_builder_is_there_and_nothing_else_of_ours() -> None:
    theirs = {obj["metadata"]["namespace"] for obj in made()}
    shipped = [obj for obj in objects(CORE) if obj["metadata"].get("namespace") == names.BUILDER_NAMESPACE]

    assert theirs == {names.BUILDER_NAMESPACE}
    assert {obj["kind"] for obj in shipped} == {"Role", "RoleBinding", "Secret"}


def test_nobody_but_the_worker_has_rights_there() -> None:
    bindings = [
        obj
        for obj in objects(CORE)
        if obj["kind"] == "RoleBinding" and obj["metadata"]["namespace"] == names.BUILDER_NAMESPACE
    ]

    assert [subject["name"] for obj in bindings for subject in obj["subjects"]] == ["airunway-worker"]


def test_the_policy_of_the_namespace_is_that_of_the_builder_as_it_is_made() -> None:
    stale = "stale; run: python3 dev.py generate"

    assert builder_policy.TARGET.read_text() == builder_policy.text(), stale


def test_nobody_of_the_control_plane_may_make_pods_everywhere() -> None:
    roles = {obj["metadata"]["name"]: obj for obj in objects(CORE) if obj["kind"] == "ClusterRole"}
    everywhere = [
        (name, rule["resources"])
        for name, role in roles.items()
        for rule in role.get("rules") or ()
        if {"create", "*"} & set(rule["verbs"]) and {"pods", "deployments", "*"} & set(rule["resources"])
    ]

    assert everywhere == []


def test_the_builder_is_reached_from_the_workers_namespace_only() -> None:
    options = ClusterOptions(builder_namespace="b", client_namespace="w")

    (policy,) = [
        obj for obj in builder_objects(options, image="b", certificate="c") if obj["kind"] == "NetworkPolicy"
    ]

    (rule,) = policy["spec"]["ingress"]
    assert policy["metadata"]["namespace"] == "b"
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "w"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "airunway"}},
        }
    ]
