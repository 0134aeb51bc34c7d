"""A Temporal in the cluster is reached by our pods, whichever they are, and by nobody else."""

from __future__ import annotations

from typing import Any

import yaml

from tests.deploy.manifests import ALL_IN_ONE, CORE, INSTALLER, ROOT, objects

FOLDER = ROOT / "deploy" / "temporal"
(POLICY,) = objects(FOLDER)
SETTINGS = next(obj for obj in objects(CORE) if obj["metadata"]["name"] == "airunway-settings")
HOST, _, PORT = SETTINGS["data"]["AIRUNWAY_TEMPORAL_ADDRESS"].rpartition(":")


def pods() -> list[dict[str, Any]]:
    """Everything of the manifests that runs, with its namespace."""
    providers = [obj for folder in sorted(ROOT.glob("providers/*/deploy")) for obj in objects(folder)]
    everything = [*objects(CORE), *objects(INSTALLER), *objects(ALL_IN_ONE), *objects(ROOT / "deploy/verify")]
    return [obj for obj in (*everything, *providers) if obj["kind"] in ("Deployment", "Job")]


def lets_in(peer: dict[str, Any], namespace: str, labels: dict[str, str]) -> bool:
    """Whether a peer of the policy is a pod with those labels."""
    (rule,) = peer["namespaceSelector"]["matchExpressions"]
    assert (rule["key"], rule["operator"]) == ("kubernetes.io/metadata.name", "In")
    return namespace in rule["values"] and peer["podSelector"]["matchLabels"].items() <= labels.items()


def test_every_pod_of_ours_may_open_the_port_that_the_settings_name() -> None:
    _, ours = POLICY["spec"]["ingress"]
    (peer,) = ours["from"]

    assert ours["ports"] == [{"port": int(PORT), "protocol": "TCP"}]
    for obj in pods():
        labels = obj["spec"]["template"]["metadata"]["labels"]
        assert lets_in(peer, obj["metadata"]["namespace"], labels), obj["metadata"]["name"]


def test_nobody_else_may() -> None:
    spec = POLICY["spec"]
    own, ours = spec["ingress"]

    assert POLICY["metadata"]["namespace"] == HOST.split(".")[1]
    assert (spec["podSelector"], spec["policyTypes"]) == ({}, ["Ingress"]), "also the pods of its UI"
    assert own == {"from": [{"podSelector": {}}]}, "pods of Temporal itself"
    assert not lets_in(ours["from"][0], "team-a", {"app.kubernetes.io/name": "airunway"})
    assert not lets_in(ours["from"][0], "airunway-system", {"app": "anything"})


def test_the_kustomization_names_it() -> None:
    assert yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"] == [
        "temporal-policy.yaml"
    ]
