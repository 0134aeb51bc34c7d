"""Where the KAITO provider differs from the reference on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import Departure
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _kaito_objects as objects
from tests.conformance.departures._given import Answer, Given

RENDER_TESTS = "tests/providers/test_kaito_render.py"
TEMPLATE_TESTS = "tests/providers/test_kaito_template.py"
STATUS_TESTS = "tests/providers/test_kaito_status.py"
CONFIG_TESTS = "tests/providers/test_kaito_config.py"

OBJECTS = frozenset({"transform/kaito"})
STATUS = frozenset({"provider_status/kaito"})
CONFIG = frozenset({"provider_config/kaito"})


# --- status ----------------------------------------------------------------------------------------


def conditions(given: Given) -> list[Mapping[str, Any]]:
    """The conditions; of equal types the last."""
    found = ask.at(given["upstream"], "status", "conditions", default=[])
    entries = found if isinstance(found, list) else []
    return list({str(entry.get("type")): entry for entry in entries if isinstance(entry, Mapping)}.values())


def has_cause(given: Given) -> bool:
    failed = ask.at(given["upstream"], "status", "state") == "Failed"
    return failed or any(entry.get("status") == "False" for entry in conditions(given))


def with_cause(given: Given, answer: Answer) -> Answer:
    messages = [entry.get("message") for entry in conditions(given) if entry.get("status") == "False"]
    said = any(isinstance(message, str) and message for message in messages)
    if answer.get("phase") == "Failed" or (said and answer.get("phase") in ("Pending", "Deploying")):
        answer["message"] = "<text>"
    return answer


def not_taken_up(given: Given, answer: Answer) -> Answer:
    if answer.get("phase") == "Running":
        answer |= {"phase": "Deploying", "message": "<text>"}
    return answer


# --- registration ----------------------------------------------------------------------------------


def with_chart_values(given: Given, answer: Answer) -> Answer:
    installation = answer["object"]["metadata"]["annotations"]["airunway.ai/installation"]
    installation["helmCharts"][0]["values"] = {
        "featureGates.disableNodeAutoProvisioning": True,
        "nvidiaDevicePlugin.enabled": False,
        "localCSIDriver.useLocalCSIDriver": False,
        "gpu-feature-discovery.gfd.enabled": False,
        "gpu-feature-discovery.nfd.master.deploy": False,
        "gpu-feature-discovery.nfd.worker.deploy": False,
    }
    return answer


def old_versions_only(state: Mapping[str, Any]) -> bool:
    versions = {
        kind.get("version")
        for kind in state["upstream"].get("kinds") or ()
        if kind.get("group") == "kaito.sh" and kind.get("kind") == "Workspace"
    }
    return bool(versions) and "v1beta1" not in versions


def serves_old_version(given: Given) -> bool:
    return any(map(old_versions_only, given.get("upstream_states") or ()))


def with_missing_version(given: Given, answer: Answer) -> Answer:
    for state in filter(old_versions_only, given["upstream_states"]):
        recorded = answer["status_by_upstream_state"][state["name"]]
        recorded["ready"] = False
        recorded["conditions"] = [
            {"type": "UpstreamReady", "status": "False", "reason": "CRDMissing", "message": "<text>"}
        ]
    return answer


DEPARTURES = [
    Departure(
        name="kaito-override-deny-list",
        groups=OBJECTS,
        applies=ask.denied_override,
        adjust=ask.refuse,
        covered_by=f"{RENDER_TESTS}::test_refuses_overrides",
    ),
    Departure(
        name="kaito-override-host-path",
        groups=OBJECTS,
        applies=ask.host_path,
        adjust=ask.refuse,
        covered_by=f"{RENDER_TESTS}::test_refuses_overrides",
    ),
    Departure(
        name="kaito-impossible-name",
        groups=OBJECTS,
        applies=ask.impossible_service_name,
        adjust=ask.refuse,
        covered_by=f"{RENDER_TESTS}::test_check",
    ),
    Departure(
        name="kaito-gpu-limits",
        groups=OBJECTS,
        applies=lambda given: objects.own_container(given) and ask.gpu_count(given) > 0,
        adjust=objects.with_gpu_limits,
        covered_by=f"{TEMPLATE_TESTS}::test_llamacpp_container",
    ),
    Departure(
        name="kaito-gpu-type",
        groups=OBJECTS,
        applies=lambda given: (
            objects.llamacpp(given)
            and ask.gpu_count(given) > 0
            and not ask.gpu_type(given).startswith("nvidia.com/")
        ),
        adjust=objects.without_nvidia_label,
        covered_by=f"{RENDER_TESTS}::test_node_selector",
    ),
    Departure(
        name="kaito-probes",
        groups=OBJECTS,
        applies=objects.own_container,
        adjust=objects.with_probes,
        covered_by=f"{TEMPLATE_TESTS}::test_probes",
    ),
    Departure(
        name="kaito-baked-image",
        groups=OBJECTS,
        applies=objects.baked_image,
        adjust=objects.without_model_argument,
        covered_by=f"{TEMPLATE_TESTS}::test_model_argument",
    ),
    Departure(
        name="kaito-model-access-secret",
        groups=OBJECTS,
        applies=objects.token_for_preset,
        adjust=objects.with_access_secret,
        covered_by=f"{RENDER_TESTS}::test_preset",
    ),
    Departure(
        name="kaito-template-tolerations",
        groups=OBJECTS,
        applies=lambda given: objects.llamacpp(given) and bool(ask.spec(given, "tolerations")),
        adjust=objects.with_tolerations,
        covered_by=f"{TEMPLATE_TESTS}::test_template_takes_tolerations_and_storage",
    ),
    Departure(
        name="kaito-template-storage",
        groups=OBJECTS,
        applies=lambda given: objects.llamacpp(given) and bool(ask.volumes(given)),
        adjust=objects.with_storage,
        covered_by=f"{TEMPLATE_TESTS}::test_template_takes_tolerations_and_storage",
    ),
    Departure(
        name="kaito-env-sources",
        groups=OBJECTS,
        applies=objects.loses_env_source,
        adjust=objects.with_env_sources,
        covered_by=f"{TEMPLATE_TESTS}::test_llamacpp_container",
    ),
    Departure(
        name="kaito-reserved-labels",
        groups=OBJECTS,
        applies=objects.overwrites_labels,
        adjust=objects.with_reserved_labels,
        covered_by=f"{RENDER_TESTS}::test_reserved_labels_win",
    ),
    Departure(
        name="kaito-pod-metadata",
        groups=OBJECTS,
        applies=lambda given: objects.llamacpp(given) and bool(ask.spec(given, "podTemplate", "metadata")),
        adjust=objects.with_pod_metadata,
        covered_by=f"{RENDER_TESTS}::test_reserved_labels_win",
    ),
    Departure(
        name="kaito-says-why",
        groups=STATUS,
        applies=has_cause,
        adjust=with_cause,
        covered_by=f"{STATUS_TESTS}::test_read_status",
    ),
    Departure(
        name="kaito-observed-generation",
        groups=STATUS,
        applies=lambda given: not ask.observed(given),
        adjust=not_taken_up,
        covered_by=f"{STATUS_TESTS}::test_read_status",
    ),
    Departure(
        name="kaito-chart-values",
        groups=CONFIG,
        applies=lambda given: True,
        adjust=with_chart_values,
        covered_by=f"{CONFIG_TESTS}::test_chart_gets_the_values_of_the_manual_step",
    ),
    Departure(
        name="kaito-needs-v1beta1",
        groups=CONFIG,
        applies=serves_old_version,
        adjust=with_missing_version,
        covered_by=f"{CONFIG_TESTS}::test_health",
    ),
]
