"""CRDs of charts: install.md §A5, §A7."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.installation.crds import clashes, crds_in, owner_of, step_name
from airunway.installation.guards import goes_with_the_release, kind_of, listed, uses


def crd(name: str, **meta: Any) -> dict[str, Any]:
    plural, _, group = name.partition(".")
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "kind": plural.title()},
        "versions": [{"name": "v1", "storage": False}, {"name": "v2", "storage": True}],
    }
    return {"kind": "CustomResourceDefinition", "metadata": {"name": name, **meta}, "spec": spec}


def owned(name: str, namespace: str, release: str) -> dict[str, Any]:
    return crd(
        name,
        labels={"app.kubernetes.io/managed-by": "Helm"},
        annotations={"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace},
    )


def test_the_first_crd_of_a_name_wins_and_all_else_is_left_out() -> None:
    first, second = crd("a.x.io"), {**crd("a.x.io"), "spec": {}}
    documents = [{"kind": "ConfigMap", "metadata": {"name": "c"}}, first, second, crd(""), {}]

    assert crds_in(documents) == [first]


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("nodefeatures.nfd.k8s-sigs.io", "nodefeatures-nfd-k8s-sigs-io"),
        ("inferencepools.inference.networking.k8s.io", "inferencepools-inference-networking-k8s-io"),
    ],
)
def test_a_step_is_named_for_its_crd(name: str, want: str) -> None:
    assert step_name(name) == want


def test_a_templated_crd_of_somebody_else_clashes() -> None:
    live = {
        "a.x.io": crd("a.x.io", labels={"app.kubernetes.io/managed-by": "aks"}),
        "b.x.io": owned("b.x.io", "other", "their"),
        "c.x.io": owned("c.x.io", "ns", "mine"),
    }

    found = clashes([crd(f"{letter}.x.io") for letter in "abcd"], live, release=("ns", "mine"))

    assert [(clash.name, clash.owner) for clash in found] == [
        ("a.x.io", "aks"),
        ("b.x.io", "Helm release other/their"),
    ]


def test_whoever_wrote_an_object_is_its_owner_when_nothing_else_says_so() -> None:
    obj = crd("a.x.io", managedFields=[{"manager": "kubectl-client-side-apply"}])

    assert owner_of(obj) == "kubectl-client-side-apply"


def test_a_crd_that_carries_the_keep_policy_stays() -> None:
    kept = crd("a.x.io", annotations={"helm.sh/resource-policy": "keep"})

    assert goes_with_the_release([kept, crd("b.x.io")]) == [crd("b.x.io")]


def test_custom_resources_are_listed_in_the_version_they_are_stored_in() -> None:
    kind = kind_of(crd("tools.x.io"))

    assert kind is not None
    assert (kind.group, kind.version, kind.plural, kind.kind) == ("x.io", "v2", "tools", "Tools")
    assert kind_of({"kind": "CustomResourceDefinition"}) is None


def test_a_deployment_uses_the_provider_that_it_names_or_was_given_to() -> None:
    def deployment(name: str, *, named: str = "", given: str = "") -> dict[str, Any]:
        spec = {"provider": {"name": named}} if named else {}
        status = {"provider": {"name": given}} if given else {}
        return {"metadata": {"namespace": "ml", "name": name}, "spec": spec, "status": status}

    deployments = [
        deployment("named", named="kaito"),
        deployment("given", given="kaito"),
        deployment("other", named="vllm", given="vllm"),
        deployment("new"),
    ]

    assert uses(deployments, "kaito") == ["ml/given", "ml/named"]


def test_a_long_list_is_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(25)]).endswith("19 and 5 more")
