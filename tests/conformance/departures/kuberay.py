"""Where the KubeRay provider differs from the reference on purpose."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.departures import Departure
from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Adjust, Given
from tests.conformance.departures._kuberay_given import stock, variables
from tests.conformance.departures._kuberay_overlay import with_overrides
from tests.conformance.departures._kuberay_pods import (
    names_in_env,
    parallel,
    plain,
    pod_metadata,
    quoted,
    reserved_labels,
    set_twice,
    switched,
    with_command_line,
    with_cpu,
    with_last_of_a_name,
    with_pod_metadata,
    with_reserved_labels,
    with_scheduling,
    with_sources,
    with_storage,
    with_worker_env,
)
from tests.conformance.departures._kuberay_refusals import (
    impossible_name,
    lacks_a_model,
    lacks_a_role,
    refused_flags,
    refused_overrides,
)
from tests.conformance.departures._kuberay_serve import scaled_to_zero, with_application, with_no_workers
from tests.conformance.departures._kuberay_status import (
    applications,
    as_failed,
    as_if_none,
    as_rolling_out,
    as_unseen,
    failed,
    has_complaint,
    in_roll_out,
    only_new_condition,
    only_unreadable,
    unseen_generation,
    with_complaint,
    with_fallback,
    with_new_condition,
)

TESTS = "tests/providers/kuberay"
OBJECTS = frozenset({"transform/kuberay"})
STATUS = frozenset({"provider_status/kuberay"})


def rule(
    name: str,
    applies: Callable[[Given], bool],
    adjust: Adjust,
    covered_by: str,
    groups: frozenset[str] = OBJECTS,
) -> Departure:
    return Departure(
        name=f"kuberay-{name}",
        groups=groups,
        applies=applies,
        covered_by=f"{TESTS}/{covered_by}",
        adjust=adjust,
    )


def always(given: Given) -> bool:
    return True


REFUSALS = "test_check.py::test_why_it_cannot_be_taken"
OVERRIDES = "test_overrides.py::test_refused_overrides"
ARGUMENTS = "test_args.py::test_engine_arguments"
POD = "test_pods.py"
STATES = "test_status.py::test_state_of_a_ray_service"

# In the order in which they change an answer: a refusal ends it, overrides come last.
DEPARTURES: list[Departure] = [
    rule("roles-need-gpus", lacks_a_role, ask.refuse, REFUSALS),
    rule("impossible-name", impossible_name, ask.refuse, REFUSALS),
    rule("model-id", lacks_a_model, ask.refuse, REFUSALS),
    rule("refused-flags", refused_flags, ask.refuse, "test_args.py::test_refused_arguments"),
    rule("refused-overrides", refused_overrides, ask.refuse, OVERRIDES),
    rule(
        "env-sources",
        lambda given: not all(map(plain, variables(given))),
        with_sources,
        f"{POD}::test_environment",
    ),
    rule("parallel-size", parallel, with_command_line, ARGUMENTS),
    rule("engine-switches", switched, with_command_line, ARGUMENTS),
    rule("explicit-flag", set_twice, with_command_line, ARGUMENTS),
    rule("quoted-arguments", quoted, with_command_line, ARGUMENTS),
    rule(
        "env-once",
        lambda given: len(set(names_in_env(given))) < len(names_in_env(given)),
        with_last_of_a_name,
        f"{POD}::test_environment",
    ),
    rule("worker-env", always, with_worker_env, f"{POD}::test_workers_have_the_environment_of_the_head"),
    rule("serve-llm", stock, with_application, "test_serve.py::test_application_of_the_stock_image"),
    rule("scale-to-zero", scaled_to_zero, with_no_workers, "test_serve.py::test_scaled_to_zero"),
    rule(
        "scheduling",
        lambda given: bool(ask.spec(given, "nodeSelector") or ask.spec(given, "tolerations")),
        with_scheduling,
        f"{POD}::test_scheduling",
    ),
    rule(
        "worker-cpu",
        lambda given: bool(ask.spec(given, "resources", "cpu")),
        with_cpu,
        f"{POD}::test_resources",
    ),
    rule("storage", lambda given: bool(ask.volumes(given)), with_storage, f"{POD}::test_storage"),
    rule(
        "pod-metadata",
        lambda given: bool(pod_metadata(given, "labels") or pod_metadata(given, "annotations")),
        with_pod_metadata,
        f"{POD}::test_metadata",
    ),
    rule(
        "reserved-labels",
        lambda given: not reserved_labels(given).keys().isdisjoint(pod_metadata(given, "labels")),
        with_reserved_labels,
        f"{POD}::test_metadata",
    ),
    rule(
        "overrides",
        lambda given: bool(ask.overrides(given)) and not refused_overrides(given),
        with_overrides,
        "test_overrides.py::test_overrides_are_merged",
    ),
    rule("unreadable-applications", only_unreadable, as_if_none, STATES, STATUS),
    rule("ready-condition", only_new_condition, with_new_condition, STATES, STATUS),
    rule(
        "failed-roll-out",
        lambda given: failed(applications(given, "pendingServiceStatus")),
        as_failed,
        STATES,
        STATUS,
    ),
    rule("roll-out-first", in_roll_out, as_rolling_out, STATES, STATUS),
    rule(
        "says-why",
        lambda given: failed(applications(given, "activeServiceStatus")),
        with_fallback,
        STATES,
        STATUS,
    ),
    rule("observed-generation", unseen_generation, as_unseen, STATES, STATUS),
    rule("application-message", has_complaint, with_complaint, STATES, STATUS),
]
