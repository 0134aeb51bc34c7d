"""The chart's values: all are known, misspelt ones are refused, and each does what it says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from airunway.api import crd
from airunway.provider.registry import installed_providers
from airunway.workers.settings import Settings
from tests.deploy.chart import VALUES, chart_objects, with_values
from tests.deploy.manifests import of_kind
from tests.deploy.test_image_versions import OURS, VERSION, images_in
from tools.generate import chart_schema
from tools.generate.chart import CHART, PROVIDERS, ROOT, answers
from tools.generate.chart_values import meanings, values

META = yaml.safe_load((CHART / "Chart.yaml").read_text())
PROCESSES = ("Deployment", "Job")


def misspelt(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of every value with a letter too many, at every depth that the schema knows."""
    free = {"limits", "requests", "annotations", "labels", "nodeSelector", "affinity"}
    for name, value in values.items():
        yield (*path, f"{name}x")
        if isinstance(value, dict) and name not in free:
            yield from misspelt(value, (*path, name))


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    found = value
    for name in reversed(path):
        found = {name: found}
    return dict(found)


def pods(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [obj["spec"]["template"]["spec"] for obj in found if obj["kind"] in PROCESSES]


# -- the schema ----------------------------------------------------------------------------------------------


def test_the_schema_and_the_table_of_values_are_those_of_the_values() -> None:
    assert chart_schema.TARGET.read_text() == chart_schema.text(), "stale; run: python3 dev.py generate"
    assert chart_schema.DOCUMENT.read_text() == chart_schema.document(), "stale; run: python3 dev.py generate"
    assert [path for path, _ in chart_schema.leaves(values())] == [*meanings()]


def test_a_misspelt_value_is_refused_by_its_name() -> None:
    paths = list(misspelt(values()))

    refused = answers(*(nested(path, True) for path in paths))

    assert len(paths) > 100
    for path, answer in zip(paths, refused, strict=True):
        assert f"additional properties '{path[-1]}' not allowed" in answer.get("refused", ""), path


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"settings": {"AIRUNWAY_AUDITT": "5m"}}, "additional properties 'AIRUNWAY_AUDITT' not allowed"),
        ({"settings": {"AIRUNWAY_HEALTH_PORT": "9"}}, "additional properties 'AIRUNWAY_HEALTH_PORT'"),
        ({"providers": {"vlm": {"enabled": True}}}, "additional properties 'vlm' not allowed"),
        ({"worker": {"replicas": "two"}}, "got string, want integer"),
        ({"worker": {"replicas": 0}}, "minimum: got 0, want 1"),
        ({"image": {"digest": "sha256:abc"}}, "does not match pattern"),
        ({"modelAccess": {"to": "nobody"}}, "value must be one of"),
        ({"temporal": {"secret": {"apiKey": "key"}}}, "temporal.secret.name: say which Secret"),
        ({"autoscaling": {"kind": "keda"}}, "autoscaling.cluster: say how this cluster is called"),
        (
            {"autoscaling": {"kind": "hpa", "cluster": "c", "minReplicas": 5, "maxReplicas": 2}},
            "autoscaling.maxReplicas: it is less than autoscaling.minReplicas",
        ),
        (
            {
                "autoscaling": {"kind": "keda", "cluster": "c"},
                "temporal": {"networkPolicy": {"enabled": True}},
            },
            "temporal.networkPolicy.alsoFrom: name the namespace of KEDA",
        ),
        ({"settings": {"AIRUNWAY_MODEL_ACCESS": "namespace"}}, "say it by modelAccess.to with"),
        ({"settings": {"AIRUNWAY_IMPERSONATE": "tenant"}}, "say it by impersonation.account"),
        ({"settings": {"AIRUNWAY_TEMPORAL_ADDRESS": "t:7233"}}, "say it by temporal.address"),
        ({"web": {"enabled": True, "ingress": {"enabled": True}}}, "web.ingress.host: say by which name"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_reason(values: dict[str, Any], said: str) -> None:
    (answer,) = answers(values)

    assert said in answer["refused"]


def test_another_namespace_is_refused() -> None:
    (answer,) = answers({}, namespace="models")

    assert "install this chart in the namespace airunway-system" in answer["refused"]


def test_every_setting_but_the_charts_own_may_be_given() -> None:
    given = chart_schema.schema()["properties"]["settings"]["properties"].keys()

    left_out = {f"AIRUNWAY_{name.upper()}" for name in Settings.model_fields} - given
    assert left_out == {
        *("AIRUNWAY_HEALTH_PORT", "AIRUNWAY_METRICS_PORT", "AIRUNWAY_KUBECONFIG", "AIRUNWAY_CONTEXT"),
        *("AIRUNWAY_POD_NAMESPACE", "AIRUNWAY_INSTALLER_NAMESPACE"),
        *("AIRUNWAY_WEB_ADDRESS", "AIRUNWAY_WEB_PORT", "AIRUNWAY_WEBHOOK_PORT"),
        *("AIRUNWAY_WEB_SESSION_KEY_FILE", "AIRUNWAY_WEB_SESSION_KEY_SECRET"),
    }


# -- the chart -----------------------------------------------------------------------------------------------


def test_the_chart_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert (META["version"], META["appVersion"]) == (project["version"], project["version"])


def test_the_providers_of_the_chart_are_the_shipped_ones() -> None:
    assert {*PROVIDERS} == installed_providers().keys() == values()["providers"].keys()


def test_the_definitions_of_the_chart_are_ours_and_outlive_it() -> None:
    found = of_kind("CustomResourceDefinition", chart_objects())
    ours = [yaml.safe_load(text) for text in crd.manifests().values()]

    for obj in ours:
        metadata = found[obj["metadata"]["name"]]["metadata"]
        assert metadata.pop("annotations") == {
            **obj["metadata"].get("annotations", {}),
            "helm.sh/resource-policy": "keep",
        }
    assert [found[obj["metadata"]["name"]]["spec"] for obj in ours] == [obj["spec"] for obj in ours]


def test_namespaces_that_others_work_in_outlive_the_release() -> None:
    kept = {
        obj["metadata"]["name"]
        for obj in chart_objects()
        if obj["kind"] == "Namespace" and "helm.sh/resource-policy" in obj["metadata"].get("annotations", {})
    }

    assert kept == {"dynamo-system", "kaito-workspace", "kuberay-system", "ray-system"}


@pytest.mark.parametrize("name", VALUES)
def test_every_process_has_the_one_image(name: str) -> None:
    images = {*images_in(chart_objects(name))}

    assert images <= {f"{OURS}:{VERSION}", f"{OURS}:{VERSION}-installer"}


def test_images_are_called_by_digest_where_one_is_given() -> None:
    digests = [f"sha256:{letter * 64}" for letter in "ab"]
    image = {
        "repository": "registry.example.com/airunway",
        "digest": digests[0],
        "installerDigest": digests[1],
    }
    found = with_values(
        yaml.safe_dump({"image": image, "installer": {"enabled": True}, "verify": {"enabled": True}})
    )

    assert {*images_in(found)} == {f"registry.example.com/airunway@{digest}" for digest in digests}
    (installer,) = of_kind("Deployment", found)["airunway-installer"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert installer["image"].endswith(digests[1])


def test_settings_reach_every_process_as_it_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = with_values("""
installer: {enabled: true}
settings:
  AIRUNWAY_IMAGE_BUILDS_AT_ONCE: 1000000
  AIRUNWAY_SIGNALS_PER_SECOND: 2.5
  AIRUNWAY_SELECTOR_ENABLED: false
  AIRUNWAY_REGISTRY_MIRRORS: {docker.io: https://mirror.example.com}
  AIRUNWAY_AUDIT: 5m
""")
    ours, installers = (
        of_kind("ConfigMap", found)[name]["data"]
        for name in ("airunway-settings", "airunway-installer-settings")
    )
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    settings = Settings()

    assert ours == installers
    assert all(isinstance(value, str) for value in ours.values())
    assert (settings.image_builds_at_once, settings.signals_per_second) == (1_000_000, 2.5)
    assert (settings.selector_enabled, settings.audit.total_seconds()) == (False, 300)
    assert settings.registry_mirrors == {"docker.io": "https://mirror.example.com"}


def test_changed_settings_roll_the_pods() -> None:
    def stamps(found: list[dict[str, Any]]) -> set[str]:
        made = of_kind("Deployment", found)
        return {
            obj["spec"]["template"]["metadata"]["annotations"]["checksum/settings"] for obj in made.values()
        }

    before, after = stamps(chart_objects()), stamps(with_values("settings: {AIRUNWAY_AUDIT: 7m}"))
    assert (len(before), len(after), before & after) == (1, 1, set())


def test_what_every_pod_and_process_is_to_have_is_on_every_one() -> None:
    found = with_values("""
installer: {enabled: true}
web: {enabled: true}
verify: {enabled: true}
env: [{name: HTTPS_PROXY, value: "http://proxy:3128"}]
pods:
  {annotations: {sidecar.istio.io/inject: "false"}, nodeSelector: {pool: system}, priorityClassName: high}
""")
    templates = [obj["spec"]["template"] for obj in found if obj["kind"] in PROCESSES]

    assert len(templates) == 6 + len(PROVIDERS) + 1
    for template in templates:
        pod, (container,) = template["spec"], template["spec"]["containers"]
        assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
        assert (pod["nodeSelector"], pod["priorityClassName"]) == ({"pool": "system"}, "high")
        assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in container["env"], container["name"]


def test_the_connection_to_temporal_comes_from_a_secret_by_reference_only() -> None:
    found = with_values("""
installer: {enabled: true}
verify: {enabled: true}
temporal:
  secret:
    {name: cloud, address: host, namespace: space, apiKey: api-key, certificate: tls.crt, privateKey: tls.key}
  encryptionSecret: keys
""")
    data = of_kind("ConfigMap", found)["airunway-settings"]["data"]

    assert not {"AIRUNWAY_TEMPORAL_ADDRESS", "AIRUNWAY_TEMPORAL_NAMESPACE"} & data.keys()
    assert data["AIRUNWAY_TEMPORAL_API_KEY_FILE"] == "/etc/airunway-temporal/api-key"
    assert data["AIRUNWAY_TEMPORAL_CERT_FILE"] == "/etc/airunway-temporal/tls.crt"
    assert data["AIRUNWAY_TEMPORAL_ENCRYPTION_KEYS"] == "/etc/airunway-encryption"
    for pod in pods(found):
        (container,) = pod["containers"]
        if container["name"] == "private-pulls":  # it asks Temporal nothing
            continue
        env = {entry["name"]: entry.get("valueFrom") for entry in container["env"]}
        assert env["AIRUNWAY_TEMPORAL_ADDRESS"] == {"secretKeyRef": {"name": "cloud", "key": "host"}}
        assert env["AIRUNWAY_TEMPORAL_NAMESPACE"] == {"secretKeyRef": {"name": "cloud", "key": "space"}}
        secrets = {
            entry["name"]: entry["secret"]["secretName"] for entry in pod["volumes"] if "secret" in entry
        }
        mounts = {entry["name"]: entry["mountPath"] for entry in container["volumeMounts"]}
        assert {mounts[name]: secret for name, secret in secrets.items()} == {
            "/etc/airunway-temporal": "cloud",
            "/etc/airunway-encryption": "keys",
        }
