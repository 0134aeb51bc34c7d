"""The key of session cookies: one for all replicas, and the same after an upgrade of the chart."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

from airunway.web.sessions import CookieSessions
from tests.deploy.chart import with_values
from tests.deploy.manifests import of_kind
from tools.generate.chart import CHART, answers, render

NAME = "airunway-web-session-key"
LOOK = 'lookup "v1" "Secret" .Release.Namespace $key.secret'
KEPT = base64.b64encode(b"a key of the installation before").decode()
FILE = {"name": "AIRUNWAY_WEB_SESSION_KEY_FILE", "value": "/etc/airunway-session/key"}


def pod_of_web(text: str) -> dict[str, Any]:
    found: dict[str, Any] = of_kind("Deployment", with_values(text))["airunway-web"]["spec"]["template"][
        "spec"
    ]
    return found


def test_the_key_that_is_there_stays(tmp_path: Path) -> None:
    """Nothing is seen of a cluster here, so what a look at it finds is put in its place."""
    chart = tmp_path / "airunway"
    shutil.copytree(CHART, chart)
    template = chart / "templates" / "web.yaml"
    text = template.read_text()
    assert text.count(LOOK) == 1
    template.write_text(text.replace(LOOK, f'dict "data" (dict "key" "{KEPT}")'))

    (found,) = render({"web": {"enabled": True}}, chart=chart)

    assert of_kind("Secret", [entry.content for entry in found])[NAME]["data"] == {"key": KEPT}


def test_a_first_key_is_long_enough() -> None:
    secret = of_kind("Secret", with_values("web: {enabled: true}"))[NAME]

    assert CookieSessions(base64.b64decode(secret["data"]["key"]).decode())


def test_every_replica_reads_the_one_key() -> None:
    pod = pod_of_web("web: {enabled: true, replicas: 3}")

    (container,) = pod["containers"]
    assert FILE in container["env"]
    assert {"name": "session", "mountPath": "/etc/airunway-session", "readOnly": True} in container[
        "volumeMounts"
    ]
    assert {"name": "session", "secret": {"secretName": NAME}} in pod["volumes"]


def test_two_installations_have_keys_of_their_own() -> None:
    found = [
        of_kind("Secret", with_values(f"web: {{enabled: true, replicas: {count}}}"))[NAME]["data"]["key"]
        for count in (1, 2)
    ]

    assert found[0] != found[1]


def test_a_secret_of_ones_own_is_mounted_and_not_made() -> None:
    text = "web: {enabled: true, sessionKey: {create: false, secret: mine}}"

    assert NAME not in of_kind("Secret", with_values(text)) and "mine" not in of_kind(
        "Secret", with_values(text)
    )
    assert {"name": "session", "secret": {"secretName": "mine"}} in pod_of_web(text)["volumes"]


def test_without_a_secret_each_pod_makes_its_own_key() -> None:
    pod = pod_of_web('web: {enabled: true, sessionKey: {create: false, secret: ""}}')

    assert FILE not in pod["containers"][0]["env"]
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]


def test_a_secret_without_a_name_is_refused() -> None:
    (answer,) = answers({"web": {"enabled": True, "sessionKey": {"secret": ""}}})

    assert "web.sessionKey.secret: say how the Secret is called" in answer["refused"]
