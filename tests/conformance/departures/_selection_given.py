"""Questions of the rules of selection and validation about an input."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from airunway.api.decision import SelectionFallback
from airunway.api.model_deployment import DeploymentSpec, ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection import compatibility, eligibility
from airunway.selection.cel import Activation, evaluate
from airunway.selection.cel.checker import MAX_PATTERNS
from airunway.selection.cel.compiler import MAX_LENGTH
from airunway.selection.cel.functions import MAX_PATTERN_LENGTH
from airunway.selection.cel.syntax import MAX_DEPTH
from airunway.selection.cel.tree import MAX_NESTING
from airunway.selection.cel_input import rule_input
from airunway.selection.decide import decide
from tests.conformance.departures import Given
from tests.conformance.departures._given import at
from tests.conformance.loader import provider_configs


def spec_of(given: Given) -> dict[str, Any]:
    spec: dict[str, Any] = given["spec"] if "spec" in given else given["model_deployment"]["spec"]
    return spec


def status_of(given: Given) -> dict[str, Any]:
    return given["model_deployment"].get("status") or {}


def named(given: Given) -> str:
    return (spec_of(given).get("provider") or {}).get("name") or ""


def recorded(given: Given) -> str:
    return (status_of(given).get("provider") or {}).get("name") or ""


def configs_of(given: Given) -> list[InferenceProviderConfig]:
    configs = provider_configs(given["provider_configs"])
    return [InferenceProviderConfig.model_validate(config) for config in configs]


def registered(given: Given) -> set[str]:
    return {config["metadata"]["name"] for config in provider_configs(given["provider_configs"])}


def conditions(given: Given) -> dict[str, dict[str, Any]]:
    return {entry["type"]: entry for entry in status_of(given).get("conditions") or ()}


def without_zeros(view: Any) -> Any:
    """A rule view without the explicit zeros that the reference leaves out."""
    shown = copy.deepcopy(view)
    _drop_zeros(shown)
    return shown


KEPT_ZEROS = {"contextLength", "enabled", "optional", "tolerationSeconds"}


def _drop_zeros(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _drop_zeros(item)
    elif isinstance(value, dict):
        for key in value.keys() - KEPT_ZEROS - {"overrides", "args", "labels", "annotations"}:
            if value[key] is False or (isinstance(value[key], float) and value[key] == 0):
                del value[key]
            else:
                _drop_zeros(value[key])


def conditions_of_rules(given: Given) -> Iterator[str]:
    if "condition" in given:
        yield given["condition"]
        return
    for config in provider_configs(given["provider_configs"]):
        for rule in (config["spec"] or {}).get("selectionRules") or ():
            yield rule["condition"]


def engines_to_try(given: Given) -> list[str]:
    return [""] if "condition" in given else ["", "vllm", "sglang", "trtllm", "llamacpp"]


def zeros_matter(given: Given) -> bool:
    return _differs(given, with_zeros=False)


def absent_resources_matter(given: Given) -> bool:
    return "resources" not in spec_of(given) and _differs(given, with_zeros=True)


def _differs(given: Given, *, with_zeros: bool) -> bool:
    """Whether some rule answers differently, or for a single rule, whether the view differs at all."""
    if "condition" not in given and refused_by_the_schema(given):
        return False
    spec = DeploymentSpec.model_validate({"model": {}, **spec_of(given)})
    for engine in engines_to_try(given):
        ours = rule_input(spec, engine=engine)
        theirs = dict(ours) if with_zeros else without_zeros(ours)
        if with_zeros:
            theirs.pop("resources", None)
        if "condition" in given:
            return ours != theirs
        for condition in conditions_of_rules(given):
            if (
                evaluate(condition, Activation(ours)).matched
                != evaluate(condition, Activation(theirs)).matched
            ):
                return True
    return False


def engine_recorded_before_hand_over(given: Given) -> bool:
    engine = (status_of(given).get("engine") or {}).get("type")
    chosen = (spec_of(given).get("engine") or {}).get("type")
    return bool(engine and not chosen and not recorded(given) and given.get("selector_enabled", True))


def engine_open_and_provider_pinned(given: Given) -> bool:
    engine = (spec_of(given).get("engine") or {}).get("type")
    kept = recorded(given) and (status_of(given).get("engine") or {}).get("type")
    return bool(
        not engine and named(given) in registered(given) and not kept and given.get("selector_enabled", True)
    )


def provider_not_registered(given: Given) -> bool:
    name = recorded(given) or named(given)
    return bool(name) and name not in registered(given)


def recorded_provider_decides(given: Given) -> bool:
    """Whether the recorded provider and all configs together say different things about the spec."""
    if not recorded(given) or named(given) or refused_by_the_schema(given):
        return False
    deployment = ModelDeployment.model_validate(given["model_deployment"])
    configs = configs_of(given)
    config = eligibility.find(configs, recorded(given))
    engines = [deployment.engine_type] if deployment.engine_type else engines_to_try(given)
    return any(
        bool(compatibility.with_any_provider(deployment, configs, engine=engine))
        != bool(config and compatibility.with_provider(deployment, config, engine=engine))
        for engine in engines
    )


def failed_before(given: Given) -> bool:
    status = status_of(given)
    core = ("Validated", "EngineSelected", "ProviderSelected", "ImageResolved")
    failed = any(conditions(given).get(kind, {}).get("status") == "False" for kind in core)
    return failed or bool(status.get("message"))


def served_at_this_generation(given: Given) -> bool:
    validated = conditions(given).get("Validated") or {}
    generation = given["model_deployment"]["metadata"].get("generation", 0)
    return (
        bool(recorded(given))
        and validated.get("status") == "True"
        and validated.get("observedGeneration") == generation
    )


def no_rule_matches(given: Given) -> bool:
    """Whether the reference would take a provider for which no rule speaks."""
    if refused_by_the_schema(given):
        return False
    decision = decide(
        ModelDeployment.model_validate(given["model_deployment"]),
        configs_of(given),
        alive_since=datetime(2026, 1, 5, tzinfo=UTC),
        fallback=SelectionFallback.CAPABILITIES,
        selector_enabled=given.get("selector_enabled", True),
    )
    return any(candidate.score == 0 and not candidate.rule for candidate in decision.candidates)


def beyond_cel_limits(given: Given) -> bool:
    return any(is_beyond_cel_limits(condition) for condition in conditions_of_rules(given))


def is_beyond_cel_limits(condition: str) -> bool:
    depth = deepest = 0
    for character in condition:
        depth += (character in "([{?") - (character in ")]}")
        deepest = max(deepest, depth)
    patterns, links = condition.count("matches"), condition.count(".") + condition.count("[")
    return (
        len(condition) > MAX_LENGTH
        or deepest >= MAX_NESTING
        or links >= MAX_DEPTH - 2
        or patterns > MAX_PATTERNS
        or (patterns > 0 and len(condition) > MAX_PATTERN_LENGTH)
    )


def too_many_steps(given: Given) -> bool:
    view = rule_input(DeploymentSpec.model_validate({"model": {}, **given["spec"]}))
    return "too many steps" in evaluate(given["condition"], Activation(view)).error


def builds_a_message(given: Given) -> bool:
    return "construction of messages" in evaluate(given["condition"], Activation({})).error


def uses_times(given: Given) -> bool:
    return "no timestamps and durations" in evaluate(given["condition"], Activation({})).error


def refused_by_the_schema(given: Given) -> bool:
    """Whether an enum, or a type, of the object is not what the schema allows."""
    try:
        for key in given.keys() & {"old", "new", "model_deployment"}:
            ModelDeployment.model_validate(given[key])
    except ValidationError:
        return True
    return False


def being_deleted(given: Given) -> bool:
    return bool(given["new"]["metadata"].get("deletionTimestamp"))


def writes_the_default_source_out(given: Given) -> bool:
    """Whether `huggingface` is written where nothing stood, or the other way round."""
    sources = [at(given[when], "spec", "model", "source", default="") for when in ("old", "new")]
    return sorted(sources) == ["", "huggingface"]


def claim_of_a_nameless_object(given: Given) -> bool:
    obj = given.get("object") or given.get("model_deployment")
    volumes = at(obj, "spec", "model", "storage", "volumes")
    open_claim = any(
        at(volume, "size") is not None and not at(volume, "claimName")
        for volume in (volumes if isinstance(volumes, list) else ())
    )
    return open_claim and not at(obj, "metadata", "name")


def overrides_something(given: Given) -> bool:
    provider = (given.get("model_deployment") or given.get("new") or {})["spec"].get("provider") or {}
    return isinstance(provider.get("overrides"), dict) and bool(provider["overrides"])
