"""Rules in CEL of a custom resource's schema: judged on create and update, as far as both servers can."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from kube_emulator.testing import Api

from .objects import CRD_PATH, Obj, crd, widget

TEXT = {"type": "string", "maxLength": 100}
PART = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": TEXT, "size": {"type": "integer"}},
    "x-kubernetes-validations": [
        {
            "rule": "!has(oldSelf.size) || (has(self.size) && self.size >= oldSelf.size)",
            "message": "only grows",
        }
    ],
}
UNIQUE = "self.all(a, self.filter(b, b.name.lowerAscii() == a.name.lowerAscii()).size() == 1)"
SCHEMA: Obj = {
    "type": "object",
    "properties": {
        "owner": {
            **TEXT,
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is immutable"}],
        },
        "mode": {
            **TEXT,
            "x-kubernetes-validations": [{"rule": "self in ['a', 'b']"}],
        },
        "room": TEXT,
        "max-count": {"type": "integer"},
        "word": {"type": "string", "maxLength": 5},
        "path": {
            **TEXT,
            "x-kubernetes-validations": [
                {
                    "rule": "!self.contains('/') || self.split('/')[0].size() <= 3",
                    "reason": "FieldValueForbidden",
                }
            ],
        },
        "ratio": {
            "type": "number",
            "x-kubernetes-validations": [{"rule": "self <= 1.0", "message": "at most all"}],
        },
        "parts": {
            "type": "array",
            "maxItems": 5,
            "items": PART,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "x-kubernetes-validations": [{"rule": UNIQUE, "message": "names differ by more than their case"}],
        },
        "restart": {
            **TEXT,
            "x-kubernetes-validations": [
                {
                    "rule": "oldSelf.hasValue() || self != 'now'",
                    "message": "not when it is made",
                    "optionalOldSelf": True,
                },
                {
                    "rule": "oldSelf.orValue('no') != 'last' || self == oldSelf.value()",
                    "message": "was the last one",
                    "optionalOldSelf": True,
                },
            ],
        },
        "waits": {
            "type": "object",
            "properties": {"all": TEXT, "one": TEXT},
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.all) || duration(self.all) == duration('0s')"
                    " || duration(self.one) <= duration(self.all)",
                    "message": "one is longer than all",
                }
            ],
        },
        "labels": {
            "type": "object",
            "maxProperties": 5,
            "additionalProperties": {
                **TEXT,
                "x-kubernetes-validations": [{"rule": "self != ''", "message": "is empty"}],
            },
        },
    },
    "x-kubernetes-validations": [
        {
            "rule": "!has(self.room) || quantity(self.room).isGreaterThan(quantity('0'))",
            "message": "there must be room",
            "fieldPath": ".room",
            "reason": "FieldValueRequired",
        },
        {
            "rule": "!has(self.max__dash__count) || self.max__dash__count < 3",
            "message": "too many",
        },
        {"rule": "!has(self.word) || self.word != 'bad'", "messageExpression": "'this is ' + self.word"},
        {"rule": "has(self.mode) || !has(oldSelf.mode)", "message": "a mode stays"},
    ],
}


@dataclass(frozen=True)
class Case:
    """`was`: None for a create."""

    reason: str
    spec: Obj
    wrong: list[tuple[str, str]] = field(default_factory=list)
    was: Obj | None = None


def named(*names: str, **more: Any) -> list[Obj]:
    return [{"name": name, **more} for name in names]


GOOD: Obj = {
    "owner": "ann",
    "mode": "a",
    "room": "1Gi",
    "max-count": 2,
    "path": "abc/defghi",
    "ratio": 1,
    "parts": named("a", "b"),
    "labels": {"a-b": "c"},
}
CASES = [
    Case("what follows all rules", GOOD),
    Case("what says nothing", {}),
    Case(
        "a rule without a message",
        {"mode": "c"},
        [("spec.mode", "Invalid value: \"c\": failed rule: self in ['a', 'b']")],
    ),
    Case(
        "a path and a reason of its own", {"room": "0"}, [("spec.room", "Required value: there must be room")]
    ),
    Case("a name with a dash", {"max-count": 4}, [("spec", "Invalid value: too many")]),
    Case("a message that is worked out", {"word": "bad"}, [("spec", "Invalid value: this is bad")]),
    Case(
        "an extension of Kubernetes",
        {"path": "abcd/e"},
        [("spec.path", "Forbidden: failed rule: !self.contains('/') || self.split('/')[0].size() <= 3")],
    ),
    Case("a number", {"ratio": 2}, [("spec.ratio", "Invalid value: 2: at most all")]),
    Case(
        "a rule of a list",
        {"parts": named("a", "A")},
        [("spec.parts", "Invalid value: names differ by more than their case")],
    ),
    Case(
        "the value of a map",
        {"labels": {"x": "1", "y": ""}},
        [("spec.labels[y]", 'Invalid value: "": is empty')],
    ),
    Case(
        "a length of time",
        {"waits": {"all": "1m30s", "one": "91s"}},
        [("spec.waits", "Invalid value: one is longer than all")],
    ),
    Case("which is as long in other words", {"waits": {"all": "1m30s", "one": "90000ms"}}),
    Case("or none", {"waits": {"all": "0h", "one": "1s"}}),
    Case(
        "what was not there, for a rule that asks whether it was",
        {"restart": "now"},
        [("spec.restart", 'Invalid value: "now": not when it is made')],
    ),
    Case("which it may be", {"restart": "no"}),
    Case(
        "what is new is not there for it either",
        {"restart": "now"},
        [("spec.restart", 'Invalid value: "now": not when it is made')],
        was={},
    ),
    Case("what was there", {"restart": "now"}, was={"restart": "no"}),
    Case(
        "and how it was",
        {"restart": "now"},
        [("spec.restart", 'Invalid value: "now": was the last one')],
        was={"restart": "last"},
    ),
    Case("what stays as it was", GOOD, was=GOOD),
    Case(
        "what may not change",
        {"owner": "eve"},
        [("spec.owner", 'Invalid value: "eve": is immutable')],
        was={"owner": "ann"},
    ),
    Case("what is new may be anything", {"owner": "eve"}, was={}),
    Case("what goes is not asked", {}, was={"owner": "ann"}),
    Case(
        "an entry of a list is found by its key",
        {"parts": [*named("b"), *named("a", size=1)]},
        [("spec.parts[1]", "Invalid value: only grows")],
        was={"parts": [*named("a", size=2), *named("b")]},
    ),
    Case("which another is not", {"parts": named("b", size=1)}, was={"parts": named("a", size=2)}),
    Case(
        "what a whole compares with how it was",
        {"room": "1"},
        [("spec", "Invalid value: a mode stays")],
        was={"mode": "a"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
async def test_rules_are_judged(api: Api, served_kind: Any, case: Case):
    path, version = await served_kind(SCHEMA)
    if case.was is not None:
        made = (await api.create(path, widget(version, case.was))).ok()
        answer = await api.put(f"{path}/w", {**made, "spec": case.spec})
    else:
        answer = await api.create(path, widget(version, case.spec))

    if not case.wrong:
        answer.ok()
        return
    answer.refused(422, "Invalid")
    assert [(cause["field"], cause["message"]) for cause in answer.causes] == case.wrong


async def test_what_a_newer_rule_forbids_may_stay_as_it_is(api: Api, served_kind: Any):
    loose: Obj = {"type": "object", "properties": {"mode": TEXT, "note": TEXT}}
    path, version = await served_kind(loose)
    (await api.create(path, widget(version, {"mode": "old"}))).ok()
    rule = {"rule": "self == 'new'", "message": "is old"}
    loose["properties"]["mode"] = {**TEXT, "x-kubernetes-validations": [rule]}
    group = version.partition("/")[0]
    (await api.patch(f"{CRD_PATH}/widgets.{group}", {"spec": crd(group, loose)["spec"]})).ok()
    while (await api.create(path, widget(version, {"mode": "x"}, "x"), query={"dryRun": "All"})).code != 422:
        await asyncio.sleep(0.05)  # until the rule is served

    noted = await api.patch(f"{path}/w", {"spec": {"note": "x"}})
    changed = await api.patch(f"{path}/w", {"spec": {"mode": "older"}})

    assert noted.ok()["spec"] == {"mode": "old", "note": "x"}
    changed.refused(422, "Invalid")
