"""What stands around the chart's processes: autoscalers, disruption budgets, network policies, monitoring."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from airunway.api import names
from tests.deploy.chart import DEFAULTS, EVERYTHING, chart_objects, with_values
from tests.deploy.manifests import of_kind
from tools.generate.chart import CHART, PROVIDERS


@pytest.mark.parametrize("kind", ["hpa", "keda"])
def test_workers_are_scaled_by_what_waits_in_their_own_queues(kind: str) -> None:
    found = with_values(f"autoscaling: {{kind: {kind}, cluster: c1}}")
    made = [obj for obj in found if obj["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]

    queues = {obj["spec"]["scaleTargetRef"]["name"]: _queue(obj) for obj in made}
    assert queues == {
        "airunway-worker": names.core_task_queue("c1"),
        **{f"airunway-{name}-provider": names.provider_task_queue("c1", name) for name in PROVIDERS},
    }
    assert all("replicas" not in of_kind("Deployment", found)[name]["spec"] for name in queues)


def _queue(obj: dict[str, Any]) -> str:
    if obj["kind"] == "ScaledObject":
        return str(obj["spec"]["triggers"][0]["metadata"]["taskQueue"])
    return str(obj["spec"]["metrics"][0]["external"]["metric"]["selector"]["matchLabels"]["queue"])


def test_keda_reaches_the_temporal_that_is_closed_to_others() -> None:
    found = with_values("""
autoscaling: {kind: keda, cluster: c1}
temporal: {networkPolicy: {enabled: true, alsoFrom: [keda]}}
""")
    rules = of_kind("NetworkPolicy", found)["airunway-temporal"]["spec"]["ingress"]

    (others,) = (peer for rule in rules for peer in rule["from"] if "podSelector" not in peer)
    assert others["namespaceSelector"]["matchExpressions"][0]["values"] == ["keda"]


@pytest.mark.parametrize("name", [DEFAULTS, EVERYTHING])
def test_a_drained_node_takes_one_pod_of_a_kind_at_a_time(name: str) -> None:
    found = chart_objects(name)
    budgets = of_kind("PodDisruptionBudget", found)

    several = {key for key, obj in of_kind("Deployment", found).items() if obj["spec"].get("replicas", 2) > 1}
    assert budgets.keys() == several
    for key, budget in budgets.items():
        assert budget["spec"]["selector"] == of_kind("Deployment", found)[key]["spec"]["selector"]
        assert budget["spec"]["maxUnavailable"] == 1


def test_network_policies_open_what_is_served_and_nothing_else() -> None:
    found = chart_objects(EVERYTHING)
    policies = [
        obj["spec"] | {"namespace": obj["metadata"]["namespace"]}
        for obj in found
        if obj["kind"] == "NetworkPolicy" and obj["metadata"]["namespace"] != "temporal"
    ]

    for name, deployment in of_kind("Deployment", found).items():
        template = deployment["spec"]["template"]
        labels, (container,) = template["metadata"]["labels"], template["spec"]["containers"]
        about = [
            policy
            for policy in policies
            if policy["namespace"] == deployment["metadata"]["namespace"] and _chooses(policy, labels)
        ]
        opened = {port["port"] for policy in about for rule in policy["ingress"] for port in rule["ports"]}
        served = {port["name"] for port in container["ports"]} - {"health"}
        assert about, name
        assert opened - {"metrics"} == served - {"metrics"}, name
    assert all(
        "from" in rule
        for policy in policies
        for rule in policy["ingress"]
        if rule["ports"][0]["port"] == "metrics"
    )


def _chooses(policy: dict[str, Any], labels: dict[str, str]) -> bool:
    selector = policy["podSelector"]
    for wanted in selector.get("matchExpressions", []):
        if wanted["operator"] == "Exists" and wanted["key"] not in labels:
            return False
        if wanted["operator"] == "In" and labels.get(wanted["key"]) not in wanted["values"]:
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def test_dashboard_and_alerts_are_the_files_of_the_chart() -> None:
    found = chart_objects(EVERYTHING)
    (rules,) = [obj["spec"] for obj in found if obj["kind"] == "PrometheusRule"]
    dashboard = of_kind("ConfigMap", found)["airunway-dashboard"]

    assert rules == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    assert dashboard["data"] == {"airunway.json": (CHART / "files" / "dashboard.json").read_text()}
    assert (
        dashboard["metadata"]["labels"] | {"grafana_dashboard": "1", "release": "prom"}
        == dashboard["metadata"]["labels"]
    )


def test_prometheus_finds_every_process_that_serves_metrics() -> None:
    found = chart_objects(EVERYTHING)
    (monitor,) = [obj for obj in found if obj["kind"] == "ServiceMonitor"]
    services = [
        obj for obj in found if obj["kind"] == "Service" and obj["metadata"]["name"] == "airunway-metrics"
    ]

    assert {obj["metadata"]["namespace"] for obj in services} == {
        *monitor["spec"]["namespaceSelector"]["matchNames"]
    }
    for service in services:
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (selector,) = {tuple(service["spec"]["selector"].items()) for service in services}
    for deployment in of_kind("Deployment", found).values():
        assert {*selector} <= deployment["spec"]["template"]["metadata"]["labels"].items()
