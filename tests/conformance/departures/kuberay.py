"""Where the KubeRay provider differs from the reference on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.conformance.departures import Given, always
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _kuberay_given as kuberay
from tests.conformance.departures import _places as places
from tests.conformance.departures._given import has
from tests.conformance.departures.touch import place

SERVICE = "/objects/RayService*"
CLUSTER = f"{SERVICE}/spec/rayClusterConfig"
GROUP = f"{CLUSTER}/workerGroupSpecs/*"
TEMPLATES = (f"{CLUSTER}/headGroupSpec/template", f"{GROUP}/template")
HEAD = f"{TEMPLATES[0]}/spec/containers/ray-head"
WORKER = f"{TEMPLATES[1]}/spec/containers/ray-worker"
COMMAND_LINE = f"{HEAD}/env/VLLM_ENGINE_ARGS*/value = *"
APPLICATION = f"{SERVICE}/spec/serveConfigV2/lines/*"


def overridden(given: Given) -> Iterator[str]:
    return named_by(ask.overrides(given), SERVICE)


def named_by(overrides: Mapping[str, Any], below: str) -> Iterator[str]:
    """Everything that overrides name; lists are replaced but for those that are merged by name."""
    for key, item in overrides.items():
        here = f"{below}{place(key)}"
        if isinstance(item, Mapping):
            yield from named_by(item, here)
            continue
        yield f"{here} order/*"
        if isinstance(item, list) and key in kuberay.MERGED_BY:
            for entry in item:
                yield from named_by(entry, here + place(str(entry[kuberay.MERGED_BY[key]])))
        else:
            yield f"{here}/**"


def of_all_pods(*paths: str) -> tuple[str, ...]:
    return tuple(f"{template}/{path}" for template in TEMPLATES for path in paths)


# --- the state of a RayService ---------------------------------------------------------------------


def applications(given: Given, part: str) -> list[Mapping[str, Any]]:
    found = ask.at(ask.upstream_status(given), part, "applicationStatuses", default={})
    entries = sorted(found.items()) if isinstance(found, Mapping) else []
    return [entry for _, entry in entries if isinstance(entry, Mapping)]


def has_applications(given: Given) -> bool:
    return bool(applications(given, "activeServiceStatus"))


def failed(given: Given, part: str) -> bool:
    return any(entry.get("status") == "DEPLOY_FAILED" for entry in applications(given, part))


def active_failed(given: Given) -> bool:
    return failed(given, "activeServiceStatus")


def pending_failed(given: Given) -> bool:
    return failed(given, "pendingServiceStatus")


def has_unreadable(given: Given) -> bool:
    """Whether a cluster lists an application that is no object."""
    parts = ("activeServiceStatus", "pendingServiceStatus")
    listed = [ask.at(ask.upstream_status(given), part, "applicationStatuses", default={}) for part in parts]
    return any(
        not isinstance(entry, Mapping)
        for found in listed
        if isinstance(found, Mapping)
        for entry in found.values()
    )


def says_not_ready(given: Given) -> bool:
    if ask.condition(given, "RayServiceReady").get("status") == "False":
        return True
    active = ask.at(ask.upstream_status(given), "activeServiceStatus", default={})
    if ask.at(ask.at(active, "rayClusterStatus", default={}), "state") == "suspended":
        return True
    return any(map(runs_unhealthy, applications(given, "activeServiceStatus")))


def runs_unhealthy(application: Mapping[str, Any]) -> bool:
    deployments = ask.at(application, "serveDeploymentStatuses", default={})
    entries = deployments.values() if isinstance(deployments, Mapping) else ()
    unhealthy = any(ask.at(entry, "status") == "UNHEALTHY" for entry in entries)
    return application.get("status") == "RUNNING" and unhealthy


def only_new_condition(given: Given) -> bool:
    known = ask.condition(given, "RayServiceReady").get("status") in ("True", "False")
    return not known and ask.condition(given, "Ready").get("status") in ("True", "False")


def in_roll_out(given: Given) -> bool:
    pending = ask.at(ask.upstream_status(given), "pendingServiceStatus", default={})
    upgrading = ask.condition(given, "UpgradeInProgress").get("status") == "True"
    return upgrading or bool(ask.at(pending, "applicationStatuses") or ask.at(pending, "rayClusterName"))


def complaints(given: Given) -> Iterator[Any]:
    for part in ("activeServiceStatus", "pendingServiceStatus"):
        for entry in applications(given, part):
            if entry.get("status") != "RUNNING":
                yield entry.get("message")
                deployments = ask.at(entry, "serveDeploymentStatuses", default={})
                for deployment in deployments.values() if isinstance(deployments, Mapping) else ():
                    if ask.at(deployment, "status") != "HEALTHY":
                        yield ask.at(deployment, "message")


def has_complaint(given: Given) -> bool:
    return any(isinstance(entry, str) and entry for entry in complaints(given))


def unusable_devices(given: Given) -> bool:
    return ask.other_vendor(given) and kuberay.stock(given)


# --- the rules -------------------------------------------------------------------------------------

objects = places.Rules("kuberay", "transform", "tests/providers/kuberay/test_")
rule, refusal = objects.rule, objects.refusal
state = places.Rules("kuberay", "provider_status", "tests/providers/kuberay/test_status.py::").rule

CHECKED = "check.py::test_why_it_cannot_be_taken"
ARGUMENTS = "args.py::test_engine_arguments"
ENVIRONMENT = "pods.py::test_environment"
READ = "test_state_of_a_ray_service"
STORAGE = (
    *of_all_pods("spec/volumes/** = *", "spec/containers/*/volumeMounts/** = *"),
    *of_all_pods("spec/securityContext/fsGroup = 100"),
    *places.cache_variables(WORKER),
    places.CLAIMS,
)
READY = ("/phase = Deploying", "/phase = Running", "/message")

DEPARTURES = [
    refusal("roles-need-gpus", CHECKED, kuberay.lacks_a_role),
    refusal("impossible-name", CHECKED, kuberay.impossible_name),
    refusal("model-id", CHECKED, kuberay.lacks_a_model),
    refusal("refused-flags", "args.py::test_refused_arguments", kuberay.refused_flags),
    refusal("refused-overrides", "overrides.py::test_refused_overrides", kuberay.refused_overrides),
    rule(
        "pod-isolation",
        places.ISOLATED,
        always,
        *places.isolation(f"{TEMPLATES[0]}/spec"),
        *places.isolation(f"{TEMPLATES[1]}/spec"),
    ),
    refusal(
        "gpu-vendor",
        "tests/providers/test_devices.py::test_devices_that_the_image_is_not_made_for",
        unusable_devices,
    ),
    rule(
        "head-memory",
        "pods.py::test_the_head_does_not_hold_the_model",
        has("resources", "memory"),
        f"{HEAD}/resources/limits/memory = 16Gi",
    ),
    rule(
        "roll-out-policy",
        "tests/providers/test_rollout.py::test_a_ray_cluster_goes_before_the_next_one_comes",
        always,
        f"{SERVICE}/metadata/annotations/airunway.ai~1ray-cluster = *",
    ),
    rule("env-sources", ENVIRONMENT, kuberay.loses_sources, *places.sources(HEAD)),
    rule("parallel-size", ARGUMENTS, kuberay.parallel, COMMAND_LINE),
    rule("engine-switches", ARGUMENTS, kuberay.switched, COMMAND_LINE),
    rule(
        "flag-grammar",
        "args.py::test_flags_follow_the_grammar_of_the_engine",
        ask.words_a_flag,
        COMMAND_LINE,
    ),
    rule("explicit-flag", ARGUMENTS, kuberay.set_twice, COMMAND_LINE),
    rule("quoted-arguments", ARGUMENTS, kuberay.quoted, COMMAND_LINE),
    rule("env-once", ENVIRONMENT, kuberay.repeats_variable, *places.earlier_variables(HEAD)),
    rule(
        "worker-env",
        "pods.py::test_workers_have_the_environment_of_the_head",
        always,
        f"{WORKER}/env/** = *",
        f"{WORKER}/env order/* = *",
    ),
    rule("serve-llm", "serve.py::test_application_of_the_stock_image", kuberay.stock, APPLICATION),
    rule(
        "scale-to-zero",
        "serve.py::test_scaled_to_zero",
        ask.scaled_to_zero,
        *(f"{GROUP}/{field} = 0" for field in ("replicas", "minReplicas", "maxReplicas")),
        APPLICATION,
    ),
    rule(
        "scheduling",
        "pods.py::test_scheduling",
        kuberay.scheduled,
        *of_all_pods("spec/nodeSelector/* = *", "spec/tolerations/** = *"),
        *of_all_pods("metadata/annotations/airunway.ai~1scheduling = *"),
    ),
    rule(
        "worker-cpu", "pods.py::test_resources", has("resources", "cpu"), f"{WORKER}/resources/requests/* = *"
    ),
    rule("storage", "pods.py::test_storage", has("model", "storage", "volumes"), *STORAGE),
    rule(
        "pod-metadata",
        "pods.py::test_metadata",
        kuberay.has_pod_metadata,
        *of_all_pods("metadata/labels/* = *", "metadata/annotations/* = *"),
    ),
    rule("reserved-labels", "pods.py::test_metadata", ask.relabels, places.own_labels(f"{SERVICE}/metadata")),
    rule("overrides", "overrides.py::test_overrides_are_merged", kuberay.taken_overrides, overridden),
    state("unreadable-applications", READ, has_unreadable, "/phase", "/replicas/**", places.MESSAGE),
    state("ready-condition", READ, only_new_condition, *READY),
    state("failed-roll-out", READ, pending_failed, *places.FAILED),
    state("roll-out-first", READ, in_roll_out, *places.DEPLOYING),
    state("says-why", READ, active_failed, places.MESSAGE),
    state("observed-generation", READ, ask.stale, *places.DEPLOYING),
    state("counted-workers", "test_replicas", has_applications, *places.COUNTS),
    state("contradicted", READ, says_not_ready, *places.DEPLOYING),
    state("condition-message", READ, ask.has_words, places.MESSAGE),
    state("application-message", READ, has_complaint, places.MESSAGE),
]
