"""What Direct vLLM and llm-d have in common: both write Deployments and read their state."""

from __future__ import annotations

from tests.conformance.departures import Given
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _places as places

DEPLOYMENT = "/objects/Deployment*"
TEMPLATE = f"{DEPLOYMENT}/spec/template"
POD = f"{TEMPLATE}/spec"
CONTAINER = f"{POD}/containers/vllm"
POOL_LABEL = "airunway.ai~1model-deployment"

DEADLINE = f"{DEPLOYMENT}/spec/progressDeadlineSeconds = 3600"
STRATEGY = f"{DEPLOYMENT}/spec/strategy/**"
ROLL_OUT_TEST = "tests/providers/test_rollout.py::test_strategy_of_a_deployment"
NO_REPLICAS = f"{DEPLOYMENT}/spec/replicas = 0"
OWN_LABELS = places.own_labels(f"{DEPLOYMENT}/metadata")
GPU_TYPE = f"{CONTAINER}/resources/*/*.*~1*"


def failed_beside_the_old(given: Given) -> bool:
    progressing = ask.condition(given, "Progressing")
    missed = progressing.get("reason") == "ProgressDeadlineExceeded" and progressing.get("status") == "False"
    return missed and ask.condition(given, "Available").get("status") == "True" and not ask.stale(given)


def rolling(given: Given) -> bool:
    progressing = ask.condition(given, "Progressing")
    reasons = ("NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated")
    desired = ask.count(given["upstream"], "spec", "replicas")
    updated = ask.at(ask.upstream_status(given), "updatedReplicas", default=desired)
    return ask.stale(given) or (
        not failed_beside_the_old(given)
        and (
            (progressing.get("status") == "True" and progressing.get("reason") in reasons)
            or (isinstance(updated, int) and updated < desired)
        )
    )


def says_more(given: Given) -> bool:
    """Whether a condition says what an unavailable Deployment waits for."""
    progressing = ask.condition(given, "Progressing")
    return ask.has_words(given) or (progressing.get("status") == "True" and bool(progressing.get("message")))


def none_ready(given: Given) -> bool:
    desired = ask.count(given["upstream"], "spec", "replicas")
    available = ask.condition(given, "Available").get("status") == "True"
    return available and desired > 0 and not ask.count(given["upstream"], "status", "readyReplicas")


def has_trouble(given: Given) -> bool:
    ready = ask.count(given["upstream"], "status", "readyReplicas")
    missing = 0 < ready < ask.count(given["upstream"], "spec", "replicas")
    failure = ask.condition(given, "ReplicaFailure")
    message = failure.get("message")
    said = failure.get("status") == "True" and isinstance(message, str) and message != ""
    return said or (missing and ask.condition(given, "Available").get("status") == "True")
