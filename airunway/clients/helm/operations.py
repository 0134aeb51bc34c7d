"""What the child process does with a request: one operation, by whatever driver.

An operation takes the request's arguments and answers plain data; it raises HelmSays. `step` says at any
time whether the chart or the release is being worked on, for whoever explains the failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airunway.clients.helm.archive import has_values_schema
from airunway.clients.helm.charts import LocalChart, load
from airunway.clients.helm.classify import HelmStep
from airunway.clients.helm.driver import Driver, HelmSays, Obj, OnLine
from airunway.clients.helm.manifests import crd_names, manifests, objects
from airunway.clients.helm.model import PENDING


class Operations:
    """The operations, on one cluster and namespace."""

    def __init__(self, driver: Driver, *, on_line: OnLine) -> None:
        self._driver = driver
        self._on_line = on_line
        self.step = HelmStep.RELEASE

    def run(self, operation: str, arguments: Obj) -> Any:
        """Do one of them."""
        known: dict[str, Callable[[Obj], Any]] = {
            "version": lambda _: self._driver.version(),
            "get": lambda given: self._driver.release(given["name"]),
            "list": lambda given: self._driver.releases(everywhere=given["everywhere"]),
            "history": lambda given: self._driver.revisions(given["name"]),
            "upgrade_or_install": self._upgrade_or_install,
            "render": self._render,
            "chart": self._chart,
            "rollback": self._rollback,
            "uninstall": self._driver.uninstall,
        }
        return known[operation](arguments)

    def _upgrade_or_install(self, request: Obj) -> Obj:
        name = request["name"]
        revisions = self._driver.revisions(name)
        newest = revisions[-1] if revisions else None
        if newest is not None and newest["status"] in PENDING:
            raise HelmSays("another operation (install/upgrade/rollback) is in progress")
        if newest is not None and newest["status"] == "uninstalling":
            raise HelmSays("another operation (uninstall) is in progress")
        chart = self._load(request["chart"])
        if newest is None or newest["status"] == "uninstalled":
            self._on_line(f"installing release {name}")
            self._driver.install(chart.path, request, replace=newest is not None)
        else:
            self._on_line(f"upgrading release {name} from revision {newest['revision']}")
            self._driver.upgrade(chart.path, request)
        return self._present(name)

    def _render(self, request: Obj) -> Obj:
        chart = self._load(request["chart"])
        rendering = self._driver.render(chart.path, request)
        rendered, crds = manifests(rendering.templates), _objects(rendering.crds)
        info = self._info(chart, crds) | {"template_crds": _release_crds(rendered)}
        return {"manifests": rendered, "crds": crds, "notes": rendering.notes, "info": info}

    def _chart(self, request: Obj) -> Obj:
        chart = self._load(request["chart"])
        info = self._info(chart, _objects(self._driver.crds(chart.path)))
        try:
            rendered = manifests(self._driver.render(chart.path, request).templates)
        except HelmSays:  # it wants values; what it would render is not known without them
            return info
        return info | {"template_crds": _release_crds(rendered)}

    def _info(self, chart: LocalChart, crds: list[Obj]) -> Obj:
        metadata = chart.metadata
        dependencies = metadata.get("dependencies") or []
        return {
            "name": metadata["name"],
            "version": metadata["version"],
            "app_version": str(metadata.get("appVersion") or ""),
            "digest": chart.digest,
            "crds": crd_names(crds),
            "has_values_schema": has_values_schema(chart.path),
            "dependencies": [str(dependency["name"]) for dependency in dependencies],
        }

    def _rollback(self, request: Obj) -> Obj:
        self._driver.rollback(request)
        return self._present(request["name"])

    def _present(self, name: str) -> Obj:
        found = self._driver.release(name)
        if found is None:
            raise HelmSays("release: not found")
        return found

    def _load(self, ref: Obj) -> LocalChart:
        self.step = HelmStep.CHART
        chart = load(self._driver, ref)
        self.step = HelmStep.RELEASE
        return chart


def _objects(texts: Any) -> list[Obj]:
    return [found for text in texts for found in objects(text, source="crds/")]


def _release_crds(rendered: list[Obj]) -> list[str]:
    """Those that go when the release goes: hooks and kept ones stay."""
    return list(crd_names(entry["object"] for entry in rendered if not entry["hooks"] and not entry["keep"]))
