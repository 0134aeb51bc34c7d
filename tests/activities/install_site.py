"""A cluster with a provider to install, for tests of the installer's activities."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from airunway.activities.installation.activities import InstallationActivities
from airunway.api.chart_release import ChartAction, ChartRelease
from airunway.clients.helm.records import latest_record
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIGS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SECRETS,
    Cluster,
    Object,
    Resource,
)
from airunway.installation.chart_policy import ChartPolicy
from airunway.messages.installation import (
    ChartAnswer,
    ChartRequest,
    InstallationRequest,
    Operation,
    PreflightAnswer,
    PreflightRequest,
)
from airunway.provider.contract import Provider, Registration
from airunway.provider.registry import installed_providers
from tests.activities.fake_helm import FakeChart, FakeHelm

PROVIDER = "acme"
RELEASE = ("acme-op", "acme-system")
TOOLS = Resource("acme.dev/v1", "tools")
SYSTEM = "airunway-system"

Answer = TypeVar("Answer")


def crd(plural: str, group: str = "acme.dev") -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural[:-1], "kind": plural[:-1].title()},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }


def operator(name: str = "acme-op", **labels: str) -> Object:
    labels = labels or {"app": "acme-operator"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "op", "image": "acme/op:1"}]},
            },
        },
    }


def installation(**chart: Any) -> dict[str, Any]:
    entry = {
        "name": RELEASE[0],
        "chart": "acme/op",
        "version": "1.0.0",
        "namespace": RELEASE[1],
        "createNamespace": True,
        "values": {"a.b": 1},
    }
    return {
        "helmRepos": [{"name": "acme", "url": "https://charts.acme.dev"}],
        "helmCharts": [{**entry, **chart}],
    }


HEALTH = {
    "crds": ["tools.acme.dev"],
    "operatorPods": [
        {"namespace": RELEASE[1], "selectors": ["app=acme-operator"]},
        {"selectors": ["app=acme-operator"]},
    ],
}


@dataclass
class Site:
    """The cluster, the fake Helm, and the activities on them."""

    cluster: Cluster
    mirrors: dict[str, str] = field(default_factory=dict)
    installations: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What an administrator says is installed; `register` says the same in the config."""
    packages: dict[str, Provider] = field(default_factory=dict)
    policy: ChartPolicy = field(default_factory=ChartPolicy)
    helm: FakeHelm = field(init=False)
    activities: InstallationActivities = field(init=False)

    def __post_init__(self) -> None:
        self.helm = FakeHelm(self.cluster)
        self.helm.charts["acme/op"] = FakeChart(objects=[operator()], crds=[crd("tools")])
        self.activities = InstallationActivities(
            self.cluster,
            self.helm,
            heartbeat_limit=timedelta(minutes=3),
            namespace=SYSTEM,
            packages=self.packages,
            policy=replace(self.policy, mirrors=self.mirrors),
            installations=self.installations.get,
            patience=timedelta(0),  # type: ignore[arg-type]
        )

    async def register(
        self, name: str = PROVIDER, *, engines: Any = None, health: Any = None, **chart: Any
    ) -> None:
        said, health = installation(**chart), HEALTH if health is None else health
        self.installations[name] = said | {"health": health}
        body = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {
                "name": name,
                "annotations": {
                    "airunway.ai/installation": json.dumps(said),
                    "airunway.ai/health": json.dumps(health),
                },
            },
            "spec": {"capabilities": {"engines": engines or [{"name": "vllm", "cpuSupport": True}]}},
        }
        await self.cluster.apply(CONFIGS, body, field_manager="test")

    # -- activities --------------------------------------------------------------------------------------

    async def preflight(
        self, operation: Operation = Operation.INSTALL, *, with_diff: bool = False, **more: Any
    ) -> PreflightAnswer:
        request = InstallationRequest(provider=PROVIDER, operation=operation, **more)
        return await run(
            self.activities.preflight_provider, PreflightRequest(request=request, with_diff=with_diff)
        )

    async def installed(self) -> None:
        """The operator is installed, and its pod is ready."""
        await self.install()
        await self.pod(RELEASE[1])

    async def record(self) -> tuple[int, str] | None:
        """Revision and status that Helm recorded."""
        found = await latest_record(self.cluster, RELEASE[0], namespace=RELEASE[1])
        return (found.revision, found.status) if found else None

    @staticmethod
    def revision_of(answer: ChartAnswer) -> int:
        """Of the release as a step left it."""
        assert answer.chart is not None
        return answer.chart.revision

    async def install(self, **more: Any) -> ChartAnswer:
        return await run(self.activities.install_chart, chart(**more))

    async def crds(self, **more: Any) -> ChartAnswer:
        return await run(self.activities.apply_crds, chart(**more))

    async def repair(self) -> ChartAnswer:
        return await run(self.activities.repair_release, chart())

    async def uninstall(self, **more: Any) -> ChartAnswer:
        return await run(self.activities.uninstall_chart, chart(operation=Operation.UNINSTALL, **more))

    async def finish(self, **more: Any) -> ChartAnswer:
        request = InstallationRequest(provider=PROVIDER, operation=Operation.UNINSTALL, **more)
        return await run(self.activities.finish_uninstall, request)

    # -- the cluster -------------------------------------------------------------------------------------

    async def namespace(self, name: str) -> None:
        await self.cluster.apply(
            NAMESPACES,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            field_manager="test",
        )

    async def someone_elses_operator(
        self,
        namespace: str = "elsewhere",
        *,
        ready: bool = True,
        annotations: dict[str, str] | None = None,
        env: list[dict[str, str]] | None = None,
        **labels: str,
    ) -> None:
        """An operator that this system did not install, and its pod."""
        await self.namespace(namespace)
        obj = operator("their-op", **labels)
        obj["metadata"] |= {"namespace": namespace, "annotations": annotations or {}}
        obj["spec"]["template"]["spec"]["containers"][0]["env"] = env or []
        await self.cluster.apply(APPS_DEPLOYMENTS, obj, field_manager="other")
        if ready:
            await self.pod(namespace, **obj["spec"]["selector"]["matchLabels"])
            patch = {"status": {"readyReplicas": 1, "replicas": 1}}
            await self.cluster.patch(
                APPS_DEPLOYMENTS, "their-op", patch, namespace=namespace, subresource="status"
            )

    async def pod(self, namespace: str, **labels: str) -> None:
        """A ready pod of an operator."""
        body = {
            "metadata": {
                "name": "op-abc",
                "namespace": namespace,
                "labels": labels or {"app": "acme-operator"},
            },
            "spec": {"containers": [{"name": "op", "image": "x"}]},
        }
        await self.cluster.create(PODS, body, namespace=namespace)
        container = {
            "name": "op",
            "ready": True,
            "restartCount": 0,
            "image": "x",
            "imageID": "x",
            "state": {"running": {}},
        }
        await self.cluster.patch(
            PODS,
            "op-abc",
            {"status": {"phase": "Running", "containerStatuses": [container]}},
            namespace=namespace,
            subresource="status",
        )

    async def keep_values(self, text: str) -> str:
        """The values that a person laid over the config's; answers the name of their Secret."""
        name = f"airunway-values-{PROVIDER}"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SYSTEM}}
        await self.cluster.apply(
            SECRETS, secret | {"stringData": {"values.yaml": text}}, field_manager="test"
        )
        return name

    async def deployment(self, name: str) -> None:
        """A ModelDeployment that names the provider."""
        body = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {"model": {"id": "o/m"}, "provider": {"name": PROVIDER}},
        }
        await self.cluster.create(DEPLOYMENTS, body, namespace="default")

    async def says_ready(self) -> None:
        """The provider's worker reported, when the operator was there."""
        common = {"status": "True", "reason": "Seen", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        said = [{"type": kind, "message": "", **common} for kind in ("WorkerAlive", "UpstreamReady")]
        body = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": PROVIDER},
            "status": {"ready": True, "version": "1", "conditions": said},
        }
        await self.cluster.apply(CONFIGS, body, field_manager="worker", subresource="status")

    async def tool(self, name: str, namespace: str = "default") -> None:
        body = {"apiVersion": "acme.dev/v1", "kind": "Tool", "metadata": {"name": name}}
        await self.cluster.create(TOOLS, body, namespace=namespace)


def chart(
    operation: Operation = Operation.INSTALL,
    *,
    revision: int = 0,
    action: ChartAction = ChartAction.NONE,
    **more: Any,
) -> ChartRequest:
    """A request about the chart; `revision`, `action`: what a preflight said of it."""
    planned = ChartRelease(
        release=RELEASE[0], namespace=RELEASE[1], chart="acme/op", revision=revision, action=action
    )
    request = InstallationRequest(provider=PROVIDER, operation=operation, **more)
    return ChartRequest(request=request, chart=planned)


def package(*, engines: Any = None, **annotations: str) -> Provider:
    """The provider's package, as far as an installation reads it; annotations are below `airunway.ai/`."""
    registration = Registration(
        annotations={f"airunway.ai/{key}": value for key, value in annotations.items()},
        spec={"capabilities": {"engines": engines or [{"name": "vllm", "cpuSupport": True}]}},
    )
    return replace(installed_providers()["kaito"], name=PROVIDER, registration=lambda: registration)


async def run(activity: Callable[[Any], Awaitable[Answer]], request: Any) -> Answer:
    """An activity as a worker runs it."""
    return await ActivityEnvironment().run(activity, request)  # type: ignore[no-any-return]


async def failure(call: Awaitable[Any]) -> ApplicationError:
    """The failure that a call raises."""
    try:
        await call
    except ApplicationError as err:
        return err
    raise AssertionError("nothing was raised")
