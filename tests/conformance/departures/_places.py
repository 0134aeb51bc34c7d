"""Places of an answer that rules of several providers touch, as patterns (`touch.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.conformance.departures import Departure, Given, Predicate, Touches, always, never
from tests.conformance.departures import _given as ask
from tests.conformance.departures.touch import literal

CLAIMS = "/objects/PersistentVolumeClaim*/** = *"
MESSAGE = "/message = <text>"
COUNTS = ("/replicas/ready", "/replicas/available")
DEPLOYING = ("/phase = Deploying", MESSAGE)
FAILED = ("/phase = Failed", MESSAGE)
ISOLATED = "tests/providers/test_pod_isolation.py::test_no_input_leads_past_it"
DERIVED_FLAGS = (
    "model",
    "served-model-name",
    "max-model-len",
    "trust-remote-code",
    "enable-prefix-caching",
    "no-enable-prefix-caching",
    "enforce-eager",
    "tensor-parallel-size",
    "kv-transfer-config",
)


@dataclass(frozen=True)
class Rules:
    """Makes the rules of one provider for one group of vectors."""

    provider: str
    group: str
    tests: str

    def rule(
        self, name: str, test: str, applies: Predicate, *touches: Touches, refuses: Predicate = never
    ) -> Departure:
        return Departure(
            name=f"{self.provider}-{name}",
            groups=frozenset({f"{self.group}/{self.provider}"}),
            applies=applies,
            covered_by=test if test.startswith("tests/") else f"{self.tests}{test}",
            touches=touches,
            refuses=refuses,
        )

    def refusal(self, name: str, test: str, applies: Predicate) -> Departure:
        """A rule under which the provider does not take the deployment."""
        return self.rule(name, test, applies, refuses=always)

    def allowlist(self, applies: Predicate) -> Departure:
        """The rule about overrides that are not on the provider's list."""
        return Departure(
            name=f"{self.provider}-override-allowlist",
            groups=frozenset({f"{self.group}/{self.provider}"}),
            applies=applies,
            covered_by="tests/providers/test_guard.py::test_what_no_list_names_is_refused",
            refuses=always,
        )


def variable(container: str, name: str) -> tuple[str, ...]:
    """A variable that is added to a container, before or after the others."""
    return (f"{container}/env/{literal(name)}/** = *", f"{container}/env order/* = {literal(name)}")


def cache_variables(container: str) -> tuple[str, ...]:
    return (*variable(container, "HF_HOME"), *variable(container, "VLLM_CACHE_ROOT"))


def earlier_variables(container: str) -> tuple[str, ...]:
    """Variables that another one of the same name follows, taken out."""
    return (f"{container}/env/* (earlier*)/** - *", f"{container}/env order/* - * (earlier*)")


def sources(container: str) -> tuple[str, ...]:
    """Where variables have their values from."""
    return (f"{container}/env/*/value - *", f"{container}/env/*/valueFrom/**")


def derived_flags_removed(container: str) -> tuple[str, ...]:
    return tuple(f"{container}/args/* - --{flag}{value}" for flag in DERIVED_FLAGS for value in ("", " *"))


def worded_flags(container: str) -> Callable[[Given], Iterator[str]]:
    """Flags that the engine's grammar writes in another way than with the value behind them."""

    def patterns(given: Given) -> Iterator[str]:
        for flag in ask.worded_flags(given):
            plain = flag.replace("_", "-")
            for name in (flag, plain, f"no-{plain}", plain.removeprefix("no-")):
                yield f"{container}/args/* - --{literal(name)}*"
                yield f"{container}/args/* = --{literal(name)}*"
            yield f"{container}/args/* = -{literal(flag)}*"

    return patterns


def own_labels(metadata: str) -> str:
    """Our own labels, which win over the user's."""
    return f"{metadata}/labels/airunway.ai~1* = *"


def isolation(pod: str, containers: str = "containers/*") -> tuple[str, ...]:
    """What a pod gives up: its account's token, service links, rights of its processes."""
    return (
        f"{pod}/automountServiceAccountToken = false",
        f"{pod}/enableServiceLinks = false",
        f"{pod}/securityContext/** = *",
        f"{pod}/{containers}/securityContext/** = *",
    )


def volumes(pod: str, container: str) -> tuple[str, ...]:
    """Volumes of the user and their mounts, added."""
    return (f"{pod}/volumes/** = *", f"{container}/volumeMounts/** = *")
