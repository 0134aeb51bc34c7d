"""The health checks of docs/gitops.md, run as Argo CD and Flux run them.

Argo CD hands the object to a Lua script as the global `obj` and takes what it returns. Flux compares the
observed generation itself, then asks `inProgress`, `failed` and `current` in this order; none means in
progress. Source: argo-cd/util/lua; fluxcd/pkg/runtime/cel/status_evaluator.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import celpy
import lupa
import yaml

from tests.gitops.kstatus import Status, compute

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "gitops.md"
_ARGO_KEY = "resource.customizations.health.airunway.ai_ModelDeployment"
ARGO_WORDS = {
    Status.CURRENT: "Healthy",
    Status.FAILED: "Degraded",
    Status.IN_PROGRESS: "Progressing",
    Status.TERMINATING: "Progressing",
}


@cache
def _manifests() -> list[dict[str, Any]]:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return [obj for block in blocks for obj in yaml.safe_load_all(block)]


def _of_kind(kind: str) -> dict[str, Any]:
    return next(obj for obj in _manifests() if obj["kind"] == kind)


def argo_health(obj: Mapping[str, Any]) -> str:
    """What Argo CD shows of an object."""
    lua = lupa.LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    lua.globals().obj = lua.table_from(obj, recursive=True)
    answer = lua.execute(_of_kind("ConfigMap")["data"][_ARGO_KEY])
    assert answer.message, "a person must see why"
    return str(answer.status)


@cache
def _flux_programs() -> list[tuple[Status, celpy.Runner]]:
    checks = _of_kind("Kustomization")["spec"]["healthCheckExprs"]
    check = next(entry for entry in checks if entry["kind"] == "ModelDeployment")
    assert check["apiVersion"] == "airunway.ai/v1alpha1"
    env = celpy.Environment()
    order = (("inProgress", Status.IN_PROGRESS), ("failed", Status.FAILED), ("current", Status.CURRENT))
    return [(status, env.program(env.compile(check[key]))) for key, status in order]


def flux_status(obj: Mapping[str, Any]) -> Status:
    """What Flux waits by."""
    observed = (obj.get("status") or {}).get("observedGeneration")
    if observed is not None and observed != obj["metadata"].get("generation"):
        return Status.IN_PROGRESS
    given = {key: celpy.json_to_cel(value) for key, value in obj.items()}
    found = (status for status, program in _flux_programs() if program.evaluate(given))
    return next(found, Status.IN_PROGRESS)


def disagreements_of(obj: Mapping[str, Any]) -> list[str]:
    """Where the documented checks say something else of a state than kstatus; empty when nowhere."""
    status = compute(obj)
    # Flux has no word for an object that is being deleted.
    of_flux = Status.IN_PROGRESS if status is Status.TERMINATING else status
    told = {"Argo CD": (argo_health(obj), ARGO_WORDS[status]), "Flux": (flux_status(obj), of_flux)}
    return [
        f"{tool} says {said}, kstatus {status}; {obj}" for tool, (said, due) in told.items() if said != due
    ]
