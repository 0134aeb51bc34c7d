"""Where the KAITO provider differs from the reference on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import Given, always
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _places as places
from tests.conformance.departures._given import both, engine_is, has

WORKSPACE = "/objects/Workspace*"
PRESET = f"{WORKSPACE}/inference/preset"
SELECTOR = f"{WORKSPACE}/resource/labelSelector/matchLabels"
TEMPLATE = f"{WORKSPACE}/inference/template"
POD = f"{TEMPLATE}/spec"
CONTAINER = f"{POD}/containers/model"
PROBES = (f"{CONTAINER}/startupProbe/** = *", f"{CONTAINER}/readinessProbe/** = *")
POD_METADATA = (f"{TEMPLATE}/metadata/labels/* = *", f"{TEMPLATE}/metadata/annotations/* = *")
HEALTH = "/status_by_upstream_state/*"
INSTALLATION = "/object/metadata/annotations/airunway.ai~1installation"


llamacpp = engine_is("llamacpp")


def own_container(given: Given) -> bool:
    """A llama.cpp container that overrides leave as it is rendered."""
    return llamacpp(given) and not ask.overridden(given, "inference", "template", "spec", "containers")


def has_gpus(given: Given) -> bool:
    return ask.gpu_count(given) > 0


def other_vendor(given: Given) -> bool:
    return not ask.gpu_type(given).startswith("nvidia.com/")


def baked_image(given: Given) -> bool:
    image = ask.image(given)
    holds_model = re.match(r"(ghcr\.io/kaito-project/aikit|localhost:30500)/(?!runners/)", image)
    return bool(own_container(given) and holds_model and not ask.arguments(given).get("ggufUrl"))


def token_for_preset(given: Given) -> bool:
    owner, _, model = ask.model_id(given).partition("/")
    secret = ask.spec(given, "secrets", "huggingFaceToken")
    options = ("inference", "preset", "presetOptions", "modelAccessSecret")
    return bool(ask.engine(given) == "vllm" and secret and owner and model) and not ask.overridden(
        given, *options
    )


def impossible_name(given: Given) -> bool:
    """Too long for a StatefulSet, or no name of a Service."""
    return len(ask.name(given)) > 52 or ask.impossible_service_name(given)


def unusable_devices(given: Given) -> bool:
    """Others than a preset, or an image of AIKit's, can use."""
    if ask.gpu_count(given) == 0 or ask.gpu_type(given) == "nvidia.com/gpu":
        return False
    known = re.match(r"(ghcr\.io/kaito-project/aikit|localhost:30500)/", ask.image(given))
    return ask.engine(given) == "vllm" or bool(known and ask.other_vendor(given))


def relabels(given: Given) -> bool:
    return ask.relabels(given, "airunway.ai/model-deployment")


def has_cause(given: Given) -> bool:
    return ask.upstream_status(given).get("state") == "Failed" or ask.has_words(given)


def says_running(given: Given) -> bool:
    succeeded = ask.condition(given, "WorkspaceSucceeded").get("status") == "True"
    return ask.upstream_status(given).get("state") in ("Ready", "Succeeded") or succeeded


def contradicted(given: Given) -> bool:
    needed = ("ResourceReady", "InferenceReady", "WorkspaceSucceeded")
    return any(ask.condition(given, kind).get("status") == "False" for kind in needed)


def serves_old_version(given: Given) -> bool:
    return any(map(old_versions_only, given.get("upstream_states") or ()))


def old_versions_only(state: Mapping[str, Any]) -> bool:
    versions = {
        kind.get("version")
        for kind in state["upstream"].get("kinds") or ()
        if kind.get("group") == "kaito.sh" and kind.get("kind") == "Workspace"
    }
    return bool(versions) and "v1beta1" not in versions


objects = places.Rules("kaito", "transform", "tests/providers/test_kaito_")
rule, refusal = objects.rule, objects.refusal
state = places.Rules("kaito", "provider_status", "tests/providers/test_kaito_status.py::").rule
config = places.Rules("kaito", "provider_config", "tests/providers/test_kaito_config.py::").rule

TAKES_BOTH = "template.py::test_template_takes_tolerations_and_storage"
VALUES_TEST = "test_chart_gets_the_values_of_the_manual_step"

DEPARTURES = [
    objects.allowlist(ask.outside_list("kaito")),
    refusal("impossible-name", "render.py::test_check", impossible_name),
    refusal(
        "unusable-devices",
        "tests/providers/test_devices.py::test_devices_that_the_image_is_not_made_for",
        unusable_devices,
    ),
    rule(
        "gpu-limits",
        "template.py::test_llamacpp_container",
        both(own_container, has_gpus),
        f"{CONTAINER}/resources/limits/*",
    ),
    rule(
        "gpu-type",
        "render.py::test_node_selector",
        both(llamacpp, has_gpus, other_vendor),
        f"{SELECTOR}/nvidia.com~1gpu.present",
    ),
    rule("pod-isolation", places.ISOLATED, llamacpp, *places.isolation(POD)),
    rule("probes", "template.py::test_probes", own_container, *PROBES),
    rule(
        "baked-image",
        "template.py::test_model_argument",
        baked_image,
        f"{CONTAINER}/args/* - huggingface://*",
    ),
    rule(
        "model-access-secret",
        "render.py::test_preset",
        token_for_preset,
        f"{PRESET}/presetOptions/modelAccessSecret = *",
    ),
    rule("template-tolerations", TAKES_BOTH, both(llamacpp, has("tolerations")), f"{POD}/tolerations/** = *"),
    rule(
        "template-storage",
        TAKES_BOTH,
        both(llamacpp, has("model", "storage", "volumes")),
        *places.volumes(POD, CONTAINER),
        places.CLAIMS,
    ),
    rule(
        "env-sources",
        "template.py::test_llamacpp_container",
        both(own_container, ask.loses_sources),
        *places.sources(CONTAINER),
    ),
    rule(
        "reserved-labels",
        "render.py::test_reserved_labels_win",
        relabels,
        places.own_labels(f"{WORKSPACE}/metadata"),
    ),
    rule(
        "pod-metadata",
        "render.py::test_reserved_labels_win",
        both(llamacpp, has("podTemplate", "metadata")),
        *POD_METADATA,
    ),
    state("says-why", "test_read_status", has_cause, places.MESSAGE),
    state("counted-pods", "test_read_status", says_running, *places.COUNTS),
    state("contradicted", "test_read_status", both(says_running, contradicted), *places.DEPLOYING),
    state("observed-generation", "test_read_status", ask.stale, *places.DEPLOYING),
    config("chart-values", VALUES_TEST, always, f"{INSTALLATION}/helmCharts/0/values/** = *"),
    config(
        "needs-v1beta1",
        "test_health",
        serves_old_version,
        f"{HEALTH}/ready = false",
        f"{HEALTH}/conditions/**",
    ),
]
