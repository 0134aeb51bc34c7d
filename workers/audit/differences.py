"""Whether one deployment's status says what is, and if not, in what it differs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airunway.api.status import Phase
from airunway.provider.contract import Provider
from airunway.provider.evidence import needs_pods, with_pods
from airunway.workers.audit.facts import ObjectName, ObservedUpstream, UpstreamMark, unpacked, uses_companions
from airunway.workers.audit.fleet import Fleet, KnownDeployment
from airunway.workers.marks import STATUS_CHANGED

_IN_PROGRESS = frozenset({Phase.PENDING, Phase.DEPLOYING})


@dataclass(frozen=True)
class StatusDifference:
    """Why a deployment's workflow should look, in words that stay the same while nothing changes."""

    cause: str
    urgent: bool = False
    """Nobody has reacted to what a person did: before all other differences."""
    status_changed: bool = False


def difference(
    known: KnownDeployment, fleet: Fleet, providers: Mapping[str, Provider], *, at_start: bool
) -> StatusDifference | None:
    """What an audit finds of one deployment; None: nothing is to be done.

    `at_start`: nobody watched before, so what cannot be seen of the present counts as changed.
    """
    mark, facts = known.mark, known.facts
    if mark.deleted:
        return StatusDifference("it is being deleted", urgent=at_start) if facts.is_held else None
    if facts.is_paused:
        return None
    if facts.observed != mark.generation:
        seen = f"its status is of {facts.observed}" if facts.observed else "it has no status yet"
        return StatusDifference(f"generation {mark.generation}, {seen}", urgent=True)
    if _is_externally_managed(known, fleet):
        return None  # others write its status, and its controller has a safety net of its own
    if at_start and facts.has_other_writers:
        return StatusDifference(STATUS_CHANGED, status_changed=True)
    cause = _of_provider(known, fleet) or _of_objects(known, fleet, providers)
    if not cause and facts.is_refused_by_policy:
        cause = "it was refused by a policy for images or models, which may have changed"
    if not cause and facts.under_way:
        cause = f"it is not settled: {facts.under_way}"
    if not cause and at_start:
        cause = _unknown(known, fleet)
    return StatusDifference(cause) if cause else None


def _is_externally_managed(known: KnownDeployment, fleet: Fleet) -> bool:
    config = fleet.configs.get(known.facts.provider)
    return config is not None and not config.task_queue


def _of_provider(known: KnownDeployment, fleet: Fleet) -> str:
    """Whether the status knows how its provider stands."""
    facts = known.facts
    if not facts.provider or facts.refused or not fleet.are_configs_listed.is_set():
        return ""
    config = fleet.configs.get(facts.provider)
    is_ready = config is not None and config.ready
    if is_ready == facts.provider_healthy or facts.under_way:
        return ""
    stands = "ready" if is_ready else "not ready" if config is not None else "not registered"
    return f"provider {facts.provider} is {stands}, its status says otherwise"


def _of_objects(known: KnownDeployment, fleet: Fleet, providers: Mapping[str, Provider]) -> str:
    """Whether the objects are there that the status names, and are as it says."""
    facts = known.facts
    owned = {entry.object: entry for entry in fleet.objects_of(known.mark.uid)}
    for name in [*([facts.main] if facts.main else []), *facts.companions]:
        entry = owned.get(name)
        if entry is None and fleet.is_listed(name[0]):
            return f"{_words(name)} is gone"
        if entry is not None and entry.is_being_deleted:
            return f"{_words(name)} is being deleted"
        if entry is not None and entry.edited_by:
            return f"{_words(name)} was edited by {entry.edited_by}"
    main = owned.get(facts.main) if facts.main else None
    read = _reading(known, fleet, main, owned, providers.get(facts.provider)) if main else None
    return _of_reading(known, read) if read is not None and facts.main else ""


def _reading(
    known: KnownDeployment,
    fleet: Fleet,
    main: UpstreamMark,
    owned: Mapping[ObjectName, UpstreamMark],
    provider: Provider | None,
) -> ObservedUpstream | None:
    """What the provider reads, as far as pods agree; None when it cannot be read here."""
    alone = dict(main.readings).get(provider.name) if provider is not None else None
    if provider is None or alone is None:
        return None
    pods = fleet.pods_of(provider.pod_label, *known.facts.place)
    are_gone = pods == [] and known.facts.are_pods_known
    if not pods and not are_gone and None not in alone.counts and not uses_companions(provider):
        return alone  # most of a fleet that is watched by its objects alone, at no cost
    status = alone.unified()
    if uses_companions(provider):
        others = [unpacked(entry.packed) for entry in owned.values() if entry is not main and entry.packed]
        try:
            status = provider.with_companions(status, others)
        except Exception:
            return None  # its step will say why
    if pods is None and needs_pods(status):
        # Who counts pods sees them; here nobody does, so the counts are not compared.
        return ObservedUpstream.of(status)._replace(counts=known.facts.upstream.counts)
    return ObservedUpstream.of(with_pods(status, pods or (), were_there=known.facts.are_pods_known))


def _of_reading(known: KnownDeployment, read: ObservedUpstream) -> str:
    facts = known.facts
    assert facts.main is not None
    if (read.counts, read.endpoint) != (facts.upstream.counts, facts.upstream.endpoint):
        return (
            f"{_words(facts.main)} has {_ready(read)} ready at {_address(read)}, its status says "
            f"{_ready(facts.upstream)} at {_address(facts.upstream)}"
        )
    if facts.refused or _is_same_phase(read.phase, facts.phase, is_rollout_failure=facts.is_rollout_failure):
        return ""
    return f"{_words(facts.main)} is {read.phase}, its status says {facts.phase}"


def _is_same_phase(read: str, said: str, *, is_rollout_failure: bool) -> bool:
    if said == Phase.FAILED:
        # A step that failed for good stands whatever still runs; a roll-out is over when it runs after all.
        return not (is_rollout_failure and read == Phase.RUNNING)
    return read == said or (read in _IN_PROGRESS and said in _IN_PROGRESS)


def _unknown(known: KnownDeployment, fleet: Fleet) -> str:
    """What may have changed unseen while nobody watched."""
    facts = known.facts
    if known.mark.failed:
        return "it failed, and what ends that may have happened while nobody watched"
    if facts.provider and facts.provider not in fleet.providers:
        return f"the watcher cannot read what provider {facts.provider} makes"
    return ""


def _words(name: ObjectName) -> str:
    return f"{name[0]} {name[1]}"


def _ready(read: ObservedUpstream) -> str:
    desired, ready, _ = read.counts
    return f"{ready}/{desired}"


def _address(read: ObservedUpstream) -> str:
    return f"{read.endpoint[0]}:{read.endpoint[1]}" if read.endpoint else "no address"
