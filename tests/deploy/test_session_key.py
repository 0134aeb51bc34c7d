"""The key of session cookies: one for all replicas, that no manifest holds and no upgrade changes."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.names import WEB_SESSION_SECRET
from tests.deploy.chart import with_values
from tests.deploy.grants import Grant, granted_to
from tests.deploy.manifests import WEB, objects, of_kind
from tests.deploy.uses import WEB as ACCOUNT
from tools.generate.chart import answers

SHARED = {"name": "AIRUNWAY_WEB_SESSION_KEY_SECRET", "value": WEB_SESSION_SECRET}
FILE = {"name": "AIRUNWAY_WEB_SESSION_KEY_FILE", "value": "/etc/airunway-session/key"}
THREE = "web: {replicas: 3}"


def pod_of_web(found: list[dict[str, Any]]) -> dict[str, Any]:
    pod: dict[str, Any] = of_kind("Deployment", found)["airunway-web"]["spec"]["template"]["spec"]
    return pod


def secrets_granted(found: list[dict[str, Any]]) -> set[Grant]:
    return {grant for grant in granted_to(ACCOUNT, found) if grant.resource == "secrets"}


@pytest.mark.parametrize("found", [with_values(THREE), objects(WEB)], ids=["chart", "deploy/web"])
def test_the_secret_comes_empty_and_the_process_may_fill_that_one(found: list[dict[str, Any]]) -> None:
    """Without `data` neither Helm nor `kubectl apply` nor Argo CD has anything to put back."""
    secret = of_kind("Secret", found)[WEB_SESSION_SECRET]

    assert not {"data", "stringData", "immutable"} & secret.keys()
    assert {(grant.verb, grant.name) for grant in secrets_granted(found)} == {
        ("get", WEB_SESSION_SECRET),
        ("patch", WEB_SESSION_SECRET),
    }


def test_every_replica_is_told_of_the_one_secret() -> None:
    pod = pod_of_web(with_values(THREE))

    (container,) = pod["containers"]
    assert SHARED in container["env"] and FILE not in container["env"]
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]


def test_what_is_rendered_twice_is_the_same() -> None:
    assert with_values("web: {replicas: 1}") == with_values("web: {replicas:  1}")


def test_a_secret_of_ones_own_is_mounted_not_made_and_not_written() -> None:
    found = with_values("web: {sessionKey: {create: false, secret: mine}}")

    assert not {WEB_SESSION_SECRET, "mine"} & of_kind("Secret", found).keys()
    assert {"name": "session", "secret": {"secretName": "mine"}} in pod_of_web(found)["volumes"]
    assert FILE in pod_of_web(found)["containers"][0]["env"]
    assert secrets_granted(found) == set()


def test_without_a_secret_each_pod_makes_its_own_key() -> None:
    pod = pod_of_web(with_values('web: {sessionKey: {create: false, secret: ""}}'))

    assert not [entry for entry in pod["containers"][0]["env"] if entry in (FILE, SHARED)]
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]


def test_a_secret_without_a_name_is_refused() -> None:
    (answer,) = answers({"web": {"sessionKey": {"secret": ""}}})

    assert "web.sessionKey.secret: say how the Secret is called" in answer["refused"]
