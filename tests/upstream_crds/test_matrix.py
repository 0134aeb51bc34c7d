"""Whatever is rendered for a cluster is taken by it, in every version of every upstream project.

    AIRUNWAY_REAL=1 python3 dev.py test tests/upstream_crds -m real -s

A refusal counts unless it is a user's own override's: then the same deployment without it is taken. The real
API server judges as the emulated one does, also of what both refuse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kube_emulator.testing import Api
from tests.upstream_crds.damage import damaged
from tests.upstream_crds.folders import Object, Version, folder_names, version
from tests.upstream_crds.renderings import Case, Renderings, key_of
from tests.upstream_crds.servers import Verdict, emulated, verdicts, with_definitions
from tests.upstream_crds.sources import BUILTIN_GROUPS, sources_of

BUILTIN = Version(name="built-in", groups=frozenset(BUILTIN_GROUPS))
"""Kubernetes' own kinds, which need no folder."""
NAMES = [BUILTIN.name, *(name for name in folder_names() if sources_of(version(name).groups))]
BROKEN = 150


def version_of(name: str) -> Version:
    """What a cluster of that name serves."""
    return BUILTIN if name == BUILTIN.name else version(name)


_RENDERED: dict[str, Renderings] = {}


async def renderings(wanted: Version, folder: Path) -> Renderings:
    """What is rendered for a cluster of this version."""
    if wanted.name not in _RENDERED:
        found = Renderings()
        async with (
            emulated(folder) as kubeconfig,
            with_definitions(kubeconfig, wanted.definitions) as cluster,
        ):
            for source in sources_of(wanted.groups):
                await source.collect(cluster, found, wanted)
        _RENDERED[wanted.name] = found
    return _RENDERED[wanted.name]


async def judged(kubeconfig: Path, wanted: Version, objects: Mapping[str, Object]) -> dict[str, Verdict]:
    """What the server says of each object, with the definitions of this version."""
    async with with_definitions(kubeconfig, wanted.definitions), Api(kubeconfig) as api:
        return await verdicts(api, objects, wanted)


def refusals(found: Renderings, said: Mapping[str, Verdict]) -> list[str]:
    """What is refused and is not a user's own override's: a line for each reason that is given."""
    guilty: defaultdict[str, list[str]] = defaultdict(list)
    for key, cases in found.cases.items():
        if not said[key].is_taken:
            names = [case.name for case in cases if not _is_overridden(case, said)]
            words = said[key].message.replace(cases[0].obj["metadata"]["name"], "NAME")
            guilty[words] += names[:1]
    return [f"{words} ({len(names)}: {', '.join(names[:3])})" for words, names in guilty.items() if names]


def _is_overridden(case: Case, said: Mapping[str, Verdict]) -> bool:
    return case.plain is not None and said[key_of(case.plain)].is_taken


def rule_messages(schema: object) -> Iterator[str]:
    """What the rules of a definition say when they are broken."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        for rule in schema.get("x-kubernetes-validations") or []:
            yield str(rule.get("message") or rule["rule"])
    for part in inner:
        yield from rule_messages(part)


def summary(said: Mapping[str, Verdict]) -> str:
    """How many were asked for, and refused."""
    return f"{len(said)} different objects, {sum(not verdict.is_taken for verdict in said.values())} refused"


@pytest.mark.timeout(400)  # thousands of objects, and rules in CEL for each
@pytest.mark.parametrize("name", NAMES)
async def test_the_emulated_server_takes_what_is_rendered(name: str, tmp_path: Path) -> None:
    wanted = version_of(name)
    found = await renderings(wanted, tmp_path)
    objects = found.objects()
    broken = damaged(objects, BROKEN)

    async with emulated(tmp_path) as kubeconfig:
        said = await judged(kubeconfig, wanted, objects | broken)

    rendered = {key: said[key] for key in objects}
    print(f"\n{name}: {dict(sorted(found.counts.items()))}; {summary(rendered)}")
    assert objects
    refused = refusals(found, rendered)
    assert not refused, "\n".join(refused)
    assert sum(not said[key].is_taken for key in broken) > BROKEN / 3, "it does not look"


@pytest.mark.real
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", NAMES)
async def test_the_real_server_says_the_same(name: str, tmp_path: Path, real_kubeconfig: Path) -> None:
    wanted = version_of(name)
    found = await renderings(wanted, tmp_path)
    objects = found.objects()
    broken = damaged(objects, BROKEN)

    async with emulated(tmp_path) as kubeconfig:
        expected = await judged(kubeconfig, wanted, objects | broken)
    said = await judged(real_kubeconfig, wanted, objects | broken)

    rendered = {key: said[key] for key in objects}
    print(f"\n{name}: {summary(rendered)}; broken: {summary({key: said[key] for key in broken})}")
    # Rules of definitions (CEL) that the emulated server cannot judge it lets pass.
    rules = set(rule_messages([definition["spec"] for definition in wanted.definitions]))
    differing = [
        f"{found.cases[key][0].name if key in objects else key}: real {verdict}, emulated {expected[key]}"
        for key, verdict in said.items()
        if verdict.key != expected[key].key and not any(rule in verdict.message for rule in rules)
    ]
    assert not differing, "\n".join(differing)
    refused = refusals(found, rendered)
    assert not refused, "\n".join(refused)
