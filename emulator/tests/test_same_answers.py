"""Random walks taken on both clusters at once: every step must give the same answer.

The other tests say what is right; this one looks where nobody thought of looking. A failing walk prints its
seed's steps; a fixed one belongs into the tests beside this.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import JSON_PATCH, MERGE, STRATEGIC, Answer, Api

from .objects import CRD_PATH, Obj, Space, crds, deployment

pytestmark = pytest.mark.real
STEPS = 25
SPACE = "walks"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
async def pair(real_kubeconfig: Path, tmp_path: Path) -> AsyncIterator[tuple[Api, Api]]:
    async with (
        EmulatedCluster() as emulated,
        Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as ours,
        Api(real_kubeconfig) as theirs,
    ):
        for api in (ours, theirs):
            await api.create("/api/v1/namespaces", {"metadata": {"name": SPACE}})
            for crd in crds():
                await api.create(CRD_PATH, crd)
            await api.until("/apis/models.example.com/v1/modelservers", lambda answer: answer.code == 200)
        yield ours, theirs


def comparable(answer: Answer) -> Any:
    """An answer without what must differ: versions, uids, times, the wording of a refusal with several
    causes.
    """
    if answer.code >= 400:
        causes = sorted({(cause.get("reason", ""), cause.get("field", "")) for cause in answer.causes})
        text = "" if answer.causes else _UID.sub("UID", answer.message)
        return {"code": answer.code, "reason": answer.reason, "causes": causes, "message": text}
    body = answer.body
    if body.get("kind") == "StatefulSet":  # its controller writes there, where one runs
        body = {key: value for key, value in body.items() if key != "status"}
    return {"code": answer.code, "body": _walked(body)}


def _walked(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        # the real server writes `labels: null` after an apply took the last label away
        kept = {name: item for name, item in value.items() if key != "metadata" or item is not None}
        return {name: _walked(item, name) for name, item in kept.items()}
    if isinstance(value, list):
        items = [_walked(item) for item in value]
        if key == "managedFields":
            return {_owner(entry): entry for entry in items if entry["manager"] != "kube-controller-manager"}
        return items
    if isinstance(value, str):
        return "VERSION" if key == "resourceVersion" else _UID.sub("UID", _TIME.sub("TIME", value))
    return value


def _owner(entry: Obj) -> str:
    return "/".join((entry["manager"], entry["operation"], entry.get("subresource", "")))


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Where two comparable answers differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(key, "<absent>"), theirs.get(key, "<absent>"), f"{path}.{key}")
    elif ours != theirs:
        yield f"{path}: ours {ours!r}, theirs {theirs!r}"


class Walk:
    """Draws one step after another from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def some(self, fields: dict[str, Any]) -> Obj:
        """A few of the fields, each drawn again."""
        return {name: draw() for name, draw in fields.items() if self._random.random() < 0.45}

    def many(self, draw: Any, most: int = 3) -> list[Any]:
        return [draw() for _ in range(self._random.randint(0, most))]

    def text(self) -> str:
        return str(self.pick("a", "b", "c"))

    def mapping(self) -> Obj:
        return {key: self.text() for key in ("x", "y", "z") if self._random.random() < 0.5}

    def metadata(self) -> Obj:
        return self.some(
            {
                "labels": self.mapping,
                "annotations": self.mapping,
                "finalizers": lambda: list(dict.fromkeys(f"example.com/{self.text()}" for _ in range(2))),
            }
        )

    def volumes(self) -> list[Obj]:
        names = dict.fromkeys(self.many(self.text))
        return [
            {"name": name} | self.some({"size": lambda: self.pick("1Gi", 5), "readOnly": lambda: True})
            for name in names
        ]

    def model_spec(self) -> Obj:
        spec = self.some(
            {
                "image": self.text,
                "nodeSelector": self.mapping,
                "engine": lambda: self.some(
                    {
                        "type": lambda: self.pick("vllm", "sglang", "nonsense"),
                        "extraArgs": lambda: self.many(self.text),
                        "args": self.mapping,
                        "contextLength": lambda: self.pick(1, 2, None),
                    }
                ),
                "scaling": lambda: self.some({"replicas": lambda: self.pick(0, 1, 3, -1)}),
                "provider": lambda: self.some(
                    {
                        "name": self.text,
                        "overrides": lambda: {
                            self.text(): self.pick({"k": 1}, [1, {"a": None}], {}, "t", None, 1.5)
                        },
                    }
                ),
                "tolerations": lambda: self.many(
                    lambda: self.some({"key": self.text, "operator": self.text})
                ),
                "unknown": lambda: 1,
            }
        )
        model = self.some({"id": self.text, "source": lambda: self.pick("huggingface", "custom")})
        if self._random.random() < 0.5:
            model["storage"] = {"volumes": self.volumes()}
        return spec | {"model": model}

    def model_status(self) -> Obj:
        kinds = dict.fromkeys(self.many(lambda: self.pick("Ready", "Validated", "Other")))
        conditions = [
            {
                "type": kind,
                "status": self.pick("True", "False"),
                "reason": "R",
                "message": self.text(),
                "lastTransitionTime": "2024-01-01T00:00:00Z",
            }
            for kind in kinds
        ]
        return self.some(
            {
                "phase": lambda: self.pick("Running", "Failed"),
                "message": self.text,
                "replicas": lambda: self.some({"ready": lambda: self.pick(1, 2)}),
                "conditions": lambda: conditions,
            }
        )

    def workload_spec(self) -> Obj:
        env = [{"name": name, "value": self.text()} for name in dict.fromkeys(self.many(self.text))]
        ports = [
            {"containerPort": port} | self.some({"protocol": lambda: "UDP"})
            for port in dict.fromkeys(self.many(lambda: self.pick(80, 81)))
        ]
        container = {"name": self.pick("main", "side"), "image": self.pick("i:1", "i")}
        container |= self.some(
            {"env": lambda: env, "ports": lambda: ports, "args": lambda: self.many(self.text)}
        )
        pod = {"containers": [container]} | self.some(
            {
                "nodeSelector": self.mapping,
                "tolerations": lambda: [{"key": self.text(), "operator": "Exists"}],
                "volumes": lambda: [
                    {"name": "v", **self.pick({"emptyDir": {}}, {"secret": {"secretName": "s"}})}
                ],
                "terminationGracePeriodSeconds": lambda: self.pick(0, 30, 5),
            }
        )
        spec = {"selector": {"matchLabels": {"app": "w"}}}
        spec |= {"template": {"metadata": {"labels": {"app": "w"}}, "spec": pod}}
        return spec | self.some({"replicas": lambda: 0, "minReadySeconds": lambda: self.pick(0, 1)})


async def take(api: Api, path: str, step: tuple[str, dict[str, Any]]) -> Answer:
    verb, options = step
    if verb == "apply":
        where = path + ("/status" if options.get("status") else "")
        return await api.apply(where, options["body"], manager=options["manager"], force=options["force"])
    if verb == "patch":
        where = path + ("/status" if options.get("status") else "")
        return await api.patch(where, options["body"], type=options["type"], agent=options["agent"])
    if verb == "delete":
        return await api.delete(path)
    return await api.create(path.rpartition("/")[0], options["body"], agent=options["agent"])


def draw_step(walk: Walk, base: Obj, spec: Any, status: Any, forms: list[str]) -> tuple[str, dict[str, Any]]:
    """One random step on the object `base` names."""
    verb = walk.pick(
        "apply", "apply", "apply", "patch", "patch", "create", "delete" if walk.pick(0, 0, 1) else "patch"
    )
    on_status = status is not None and walk.pick(True, False, False)
    body = {key: value for key, value in base.items() if key != "metadata"}
    body["metadata"] = {"name": base["metadata"]["name"], **walk.metadata()}
    body["status" if on_status else "spec"] = status() if on_status else spec()
    agent = walk.pick("one/1", "two/1")
    if verb == "apply":
        return verb, {
            "body": body,
            "manager": walk.pick("one", "two", "three"),
            "force": walk.pick(True, False),
            "status": on_status,
        }
    if verb == "patch":
        form = walk.pick(*forms)
        if form == JSON_PATCH:
            body = [
                {
                    "op": walk.pick("add", "replace", "remove", "test"),
                    "path": walk.pick(
                        "/metadata/labels",
                        "/metadata/labels/x",
                        "/status/message",
                        *([] if on_status else ["/spec/image", "/spec/replicas"]),
                    ),
                    "value": walk.pick("a", {"x": "y"}, 0, None),
                }
                for _ in range(2)
            ]
        elif walk.pick(True, False):
            body.pop("apiVersion", None)
            body["metadata"] = walk.metadata() | walk.some({"labels": lambda: None})
        return verb, {"body": body, "type": form, "agent": agent, "status": on_status}
    return verb, {"body": body, "agent": agent}


async def go(pair: tuple[Api, Api], path: str, steps: list[tuple[str, dict[str, Any]]]) -> None:
    ours, theirs = pair
    for api in pair:
        await api.patch(path, {"metadata": {"finalizers": None}})
        await api.delete(path)
        await api.until(path, lambda answer: answer.code == 404)
    for number, step in enumerate(steps):
        our_answer, their_answer = await take(ours, path, step), await take(theirs, path, step)
        found = list(differences(comparable(our_answer), comparable(their_answer)))
        assert not found, (number, step, our_answer.body, their_answer.body)


@pytest.mark.parametrize("seed", range(12))
async def test_walks_on_a_model_deployment(pair: tuple[Api, Api], seed: int):
    walk = Walk(seed)
    base = {"apiVersion": "models.example.com/v1", "kind": "ModelServer", "metadata": {"name": f"m{seed}"}}
    steps = [
        draw_step(walk, base, walk.model_spec, walk.model_status, [MERGE, JSON_PATCH]) for _ in range(STEPS)
    ]

    await go(pair, f"{Space(SPACE).models}/m{seed}", steps)


@pytest.mark.parametrize("seed", range(12))
async def test_walks_on_a_workload(pair: tuple[Api, Api], seed: int):
    walk = Walk(seed)
    base = deployment(f"w{seed}", kind="StatefulSet")
    steps = [
        draw_step(walk, base, walk.workload_spec, None, [MERGE, STRATEGIC, JSON_PATCH]) for _ in range(STEPS)
    ]

    await go(pair, f"{Space(SPACE).stateful_sets}/w{seed}", steps)
