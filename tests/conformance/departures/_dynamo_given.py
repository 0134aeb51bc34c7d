"""Questions of the Dynamo rules about an input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.conformance.departures import Given, Predicate
from tests.conformance.departures import _given as ask

ROUTER_MODES = {"round-robin", "random", "power-of-two", "least-loaded", "device-aware-weighted", "kv"}
ROUTER_MODES |= {"direct", ""}
BLOCK_SIZE_FLAGS = {"vllm": "block-size", "sglang": "page-size", "trtllm": "kv-block-size"}
VLLM_IMAGE = "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.1.1"
TYPED: dict[str, type] = {
    **dict.fromkeys(["routerMode", "cpu", "memory", "image"], str),
    **dict.fromkeys(["frontend", "epp", "resources"], Mapping),
    "replicas": int,
}


# --- the deployment --------------------------------------------------------------------------------


def real(given: Given) -> bool:
    """Whether it is served by an engine, not by Dynamo's mocker."""
    path = ("metadata", "annotations", "airunway.ai/dynamo-test-backend")
    return bool(ask.at(given["model_deployment"], *path) != "mocker")


def gateway(given: Given) -> bool:
    return real(given) and ask.spec(given, "gateway", "enabled") is not False


def names_no_model(given: Given) -> bool:
    return not real(given) or {"model", "model-path"}.isdisjoint(ask.written_flags(given))


def other_image(given: Given) -> bool:
    """Whether workers run another image than vLLM's, which the reference gives to the sidecar."""
    return (
        bool(ask.image(given) or ask.engine(given) in ("sglang", "trtllm")) and ask.image(given) != VLLM_IMAGE
    )


def downloads(given: Given) -> bool:
    caches = [volume for volume in ask.volumes(given) if volume.get("purpose") == "modelCache"]
    writable = bool(caches) and not caches[0].get("readOnly")
    return ask.spec(given, "model", "source") == "huggingface" and writable


def has_other_gpu(given: Given) -> bool:
    groups = [("scaling", "prefill"), ("scaling", "decode")] if ask.disaggregated(given) else [("resources",)]
    gpus = [ask.spec(given, *path, "gpu", default={}) for path in groups]
    types = {gpu.get("type") or "nvidia.com/gpu" for gpu in gpus if gpu.get("count")}
    return not types <= {"nvidia.com/gpu"}


def sets_block_size(given: Given) -> bool:
    return BLOCK_SIZE_FLAGS.get(ask.engine(given)) in ask.written_flags(given)


# --- overrides -------------------------------------------------------------------------------------


def root_overrides(given: Given) -> dict[str, Any]:
    found = ask.overrides(given)
    return dict(found) if isinstance(found, Mapping) else {}


def typed_overrides(given: Given) -> dict[str, Any]:
    return {key: value for key, value in root_overrides(given).items() if key != "spec"}


def has_typed_keys(given: Given) -> bool:
    return bool(typed_overrides(given))


def misshapen_override(given: Given) -> bool:
    found = root_overrides(given)
    if "spec" not in found:
        return False
    services = found["spec"].get("services", {}) if isinstance(found["spec"], Mapping) else None
    if not isinstance(services, Mapping):
        return True
    return any(entry is not None and not isinstance(entry, Mapping) for entry in services.values())


def stray_service(given: Given) -> bool:
    """A part of a service that is not rendered, or one whose type is taken away."""
    services = ask.at(root_overrides(given), "spec", "services", default={})
    if misshapen_override(given):
        return False
    workers = ("VllmPrefillWorker", "VllmDecodeWorker") if ask.disaggregated(given) else ("VllmWorker",)
    rendered = {"Epp" if gateway(given) else "Frontend", *workers}
    return any(
        service is not None and not service.get("componentType", "kept" if name in rendered else "")
        for name, service in services.items()
    )


def wants_pickers(given: Given) -> bool:
    """Whether another number of endpoint pickers than one is asked for."""
    count = ask.at(root_overrides(given), "epp", "replicas")
    return isinstance(count, int) and count != 1


def impossible_value(given: Given) -> bool:
    found = root_overrides(given)
    counts = [ask.at(found, part, "replicas") for part in ("frontend", "epp")]
    mode = found.get("routerMode")
    unknown = isinstance(mode, str) and mode not in ROUTER_MODES
    negative = any(isinstance(count, int) and count < 0 for count in counts)
    return negative or (unknown and not gateway(given))


def folded_typed_keys(value: Any) -> Iterator[tuple[str, Any]]:
    """Typed keys given in other letters, which Go's decoder takes all the same, by their right name."""
    folded = {key.lower(): key for key in TYPED}
    if isinstance(value, Mapping):
        for key, item in value.items():
            if folded.get(key.lower(), key) != key:
                yield folded[key.lower()], item
            yield from folded_typed_keys(item)


def in_other_letters(given: Given) -> bool:
    return any(folded_typed_keys(typed_overrides(given)))


def mistyped_in_other_letters(given: Given) -> bool:
    found = folded_typed_keys(typed_overrides(given))
    return any(not isinstance(item, TYPED[key]) for key, item in found)


# --- what cannot be taken --------------------------------------------------------------------------


def impossible_name(given: Given) -> bool:
    """With Grove's 45 characters for graph and service, or twice the service where it spans nodes."""
    return len(ask.name(given)) > room_for_name(given) or ask.impossible_service_name(given)


def room_for_name(given: Given) -> int:
    workers = ["VllmPrefillWorker", "VllmDecodeWorker"] if ask.disaggregated(given) else ["VllmWorker"]
    services = ask.at(root_overrides(given), "spec", "services", default={})
    others = [key for key, item in services.items() if item] if isinstance(services, Mapping) else []
    found = [48 if downloads(given) else 54]
    for key in [*workers, *others]:
        spans = ask.count(services, key, "multinode", "nodeCount") > 1
        found.append(45 - len(key) * (2 if spans else 1) - (4 if spans else 0))
    namespace = str(ask.at(given["model_deployment"], "metadata", "namespace", default=""))
    return min([*found, 62 - len(namespace)])


def without_gpus(given: Given) -> bool:
    counts = [ask.role_gpus(given, role) for role in ("prefill", "decode")]
    return ask.disaggregated(given) and real(given) and min(counts) <= 0


def has_read_only(given: Given) -> bool:
    return any(volume.get("readOnly") for volume in ask.volumes(given))


def lacks_mount_path(given: Given) -> bool:
    return any(not volume.get("mountPath") for volume in ask.volumes(given))


def impossible_claims(given: Given) -> bool:
    claims = [ask.claim_of(given, volume) for volume in ask.volumes(given)]
    labels = all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", claim) for claim in claims)
    return not labels or ask.repeats(claims)


# --- a graph's state -------------------------------------------------------------------------------


def silent(state: str) -> Predicate:
    """Whether the graph is in a state, and says nothing about it."""

    def applies(given: Given) -> bool:
        status = ask.upstream_status(given)
        message = status.get("message")
        return status.get("state") == state and not (isinstance(message, str) and message)

    return applies


def names_an_empty_service(given: Given) -> bool:
    return ask.at(ask.upstream_status(given), "endpoint", "service") == ""


def says_why(given: Given) -> bool:
    """Whether a graph without a message, which does not serve, says elsewhere what it waits for."""
    status = ask.upstream_status(given)
    return (
        not silent("successful")(given)
        and not status.get("message")
        and (bool(status.get("error")) or status.get("state") == "failed" or ask.has_words(given))
    )


def contradicted(given: Given) -> bool:
    """Whether a graph that calls itself successful has a condition or a service that is not ready."""
    services = ask.at(ask.upstream_status(given), "services", default={})
    entries = services.values() if isinstance(services, Mapping) else ()
    counts = ("readyReplicas", "availableReplicas")
    unready = any(
        ask.at(entry, "replicas") and not any(ask.at(entry, count) for count in counts) for entry in entries
    )
    return unready or ask.condition(given, "Ready").get("status") == "False"


def without_frontend(given: Given) -> bool:
    found = ask.at(given["upstream"], "spec", "services", default={})
    parts = list(found.values()) if isinstance(found, Mapping) else []
    frontends = [part for part in parts if ask.at(part, "componentType") == "frontend"]
    named = ask.at(ask.upstream_status(given), "endpoint", "service")
    return bool(parts) and not frontends and not (isinstance(named, str) and named)
