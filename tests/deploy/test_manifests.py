"""The manifests of the core hang together and run nothing with more than it needs."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import typer
import yaml

from airunway.api.names import INSTALLER_NAMESPACE
from airunway.cli.app import app
from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.kubernetes import NAMESPACES, Cluster, Resource
from airunway.provider.registry import installed_providers
from airunway.workers.settings import Settings
from tests.deploy.manifests import ACCOUNTS_OF_NAMESPACE, ALL_IN_ONE, CORE, INSTALLER, ROOT, objects, of_kind
from tools.generate import manifests

TOGETHER = [*objects(CORE), *objects(INSTALLER)]
DEPLOYMENTS = of_kind("Deployment", TOGETHER)
PROVIDER_FILES = sorted(ROOT.glob("providers/*/deploy/*.yaml"))


@pytest.mark.parametrize(
    "folder", [bundle.folder for bundle in manifests.BUNDLES], ids=lambda folder: folder.name
)
def test_the_kustomization_names_every_file(folder: Path) -> None:
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]

    assert sorted(listed) == sorted(
        file.name for file in folder.glob("*.yaml") if file.name != "kustomization.yaml"
    )


def test_no_object_is_there_twice() -> None:
    names = [(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in TOGETHER]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_selectors_match_their_pods_and_no_others(name: str) -> None:
    selector = DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"]

    matching = [
        other
        for other, deployment in DEPLOYMENTS.items()
        if selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert matching == [name]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_pods_are_restricted_and_probed(name: str) -> None:
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert str(ports["health"]) == _settings()["AIRUNWAY_HEALTH_PORT"]
    if "metrics" in ports:
        assert str(ports["metrics"]) == _settings()["AIRUNWAY_METRICS_PORT"]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_commands_exist(name: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    (container,) = DEPLOYMENTS[name]["spec"]["template"]["spec"]["containers"]
    command, *options = container["args"]

    known = {
        option
        for parameter in commands[command].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(options) <= known


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_accounts_and_settings_that_pods_name_exist(name: str) -> None:
    pod = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    namespace = DEPLOYMENTS[name]["metadata"]["namespace"]
    there = [obj for obj in TOGETHER if obj["metadata"].get("namespace") == namespace]

    if pod.get("automountServiceAccountToken") is not False:
        assert pod["serviceAccountName"] in of_kind("ServiceAccount", there)
    (source,) = pod["containers"][0]["envFrom"]
    assert source["configMapRef"]["name"] in of_kind("ConfigMap", there)


def test_the_installer_is_alone_in_its_namespace() -> None:
    theirs = [obj for obj in TOGETHER if obj["metadata"].get("namespace") == INSTALLER_NAMESPACE]

    assert {obj["metadata"]["name"] for obj in theirs if obj["kind"] == "Deployment"} == {
        "airunway-installer"
    }
    assert all(obj in objects(INSTALLER) for obj in theirs)
    bound = [obj for obj in TOGETHER if "airunway-installer" in str(obj.get("subjects"))]
    assert {tuple(obj["subjects"][0].items()) for obj in bound} == {
        (("kind", "ServiceAccount"), ("name", "airunway-installer"), ("namespace", INSTALLER_NAMESPACE))
    }
    assert _settings(INSTALLER) == _settings(), "the same Temporal, ports and logs as the core"


def test_the_policy_of_the_installers_namespace_is_about_whatever_changes_anything_there() -> None:
    policy = of_kind("ValidatingAdmissionPolicy", TOGETHER)["airunway-installer"]
    everything, itself = policy["spec"]["matchConstraints"]["resourceRules"]

    assert set(everything["operations"]) == {"CREATE", "UPDATE", "DELETE", "CONNECT"}
    assert (everything["apiGroups"], everything["resources"]) == (["*"], ["*/*"])
    assert set(itself["operations"]) == {"UPDATE", "DELETE"}  # of the Namespace; it is there to be created
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert "object" not in str(policy["spec"]["validations"]), "there is none when something is deleted"


def test_only_the_installers_image_has_helm() -> None:
    images = {
        name: obj["spec"]["template"]["spec"]["containers"][0]["image"] for name, obj in DEPLOYMENTS.items()
    }

    assert [name for name, image in images.items() if "installer" in image] == ["airunway-installer"]


def test_settings_are_known_and_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _settings().items():
        assert name.removeprefix("AIRUNWAY_").lower() in Settings.model_fields, name
        monkeypatch.setenv(name, value)

    assert Settings().log_format == "json"


def test_roles_that_are_bound_exist() -> None:
    roles = {("ClusterRole", name) for name in of_kind("ClusterRole", TOGETHER)}
    roles |= {("Role", name) for name in of_kind("Role", TOGETHER)}
    bindings = [obj for obj in TOGETHER if obj["kind"].endswith("RoleBinding")]

    for binding in bindings:
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        for subject in binding["subjects"]:
            known = subject["name"] in of_kind("ServiceAccount", TOGETHER)
            assert known or subject["name"] == ACCOUNTS_OF_NAMESPACE


@pytest.mark.parametrize("kind", ["modeldeployment", "inferenceproviderconfig"])
@pytest.mark.parametrize(
    ("role", "verbs"),
    [
        ("admin", {"*"}),
        ("editor", {"create", "delete", "get", "list", "patch", "update", "watch"}),
        ("viewer", {"get", "list", "watch"}),
    ],
)
def test_roles_for_people(kind: str, role: str, verbs: set[str]) -> None:
    rules = of_kind("ClusterRole", objects(CORE))[f"airunway-{kind}-{role}-role"]["rules"]

    scale = (["modeldeployments/scale"], {"get"} if role == "viewer" else {"get", "patch", "update"})
    assert [(rule["resources"], set(rule["verbs"])) for rule in rules] == [
        ([f"{kind}s"], verbs),
        ([f"{kind}s/status"], {"get"}),
        *([scale] if kind == "modeldeployment" else []),
    ]


def test_what_is_applied_without_helm_is_what_the_chart_renders() -> None:
    wanted = manifests.texts()
    there = {file: file.read_text() for file in manifests.written()}

    assert there == wanted, "stale; run: python3 dev.py generate"


def test_all_in_one_grants_the_roles_of_the_providers_that_it_serves() -> None:
    roles = of_kind("ClusterRole", objects(ALL_IN_ONE))
    bound = of_kind("ClusterRoleBinding", objects(ALL_IN_ONE))
    (container,) = of_kind("Deployment", objects(ALL_IN_ONE))["airunway-worker"]["spec"]["template"]["spec"][
        "containers"
    ]

    served = {value for option, value in pairwise(container["args"]) if option == "--provider"}
    wanted = {f"airunway-worker-{name}{part}" for name in served for part in ("", "-objects")}
    gateway = {"airunway-worker-gateway", "airunway-worker-gateway-objects"}
    assert served == installed_providers().keys()
    assert {name for name in roles if name.startswith("airunway-worker-")} == {
        *wanted,
        *gateway,
        "airunway-worker-role",
    }
    assert {bound[name]["roleRef"]["name"] for name in wanted} == wanted
    assert {bound[name]["subjects"][0]["name"] for name in wanted} == {"airunway-worker"}


@pytest.mark.parametrize("file", PROVIDER_FILES, ids=lambda file: file.stem)
def test_the_manifest_of_a_provider_runs_that_provider_alone(file: Path) -> None:
    (deployment,) = of_kind("Deployment", objects(file.parent)).values()
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert container["command"] == ["airunway", "worker", "--provider", file.stem, "--no-core"]


@pytest.mark.skipif(which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", [CORE, ALL_IN_ONE], ids=lambda folder: folder.name)
def test_kustomize_builds_it(folder: Path) -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
    worker = of_kind("Deployment", list(yaml.safe_load_all(done.stdout)))["airunway-worker"]
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    # Nobody of the core has the rights that installing takes: see deploy/installer.
    assert "--no-installer" in container["args"]
    assert ("--no-providers" in container["args"]) is (folder == CORE)


def _settings(folder: Path = CORE) -> dict[str, Any]:
    (found,) = of_kind("ConfigMap", objects(folder)).values()
    data: dict[str, Any] = found["data"]
    return data


@pytest.mark.real
@pytest.mark.parametrize("folder", [CORE, ALL_IN_ONE, INSTALLER], ids=lambda folder: folder.name)
async def test_a_real_api_server_takes_them(folder: Path, real_kubeconfig: Path) -> None:
    async with await Cluster.connect(real_kubeconfig) as cluster:
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": "airunway-system"}})
        webhooks: list[tuple[Resource, str]] = []
        try:
            for obj in objects(folder):
                served = await cluster.discovery.served_kinds(obj["apiVersion"])
                kind = Resource(obj["apiVersion"], served[obj["kind"]])
                if obj["kind"].endswith("WebhookConfiguration"):
                    webhooks.append((kind, obj["metadata"]["name"]))
                await cluster.apply(kind, obj, field_manager="test", strict=True)
        finally:
            # Nobody answers for them here: left in place, they refuse the deployments of every other test.
            for kind, name in webhooks:
                with suppress(NotFound):
                    await cluster.delete(kind, name)
