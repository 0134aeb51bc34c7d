"""Whose login it is, and whose image a path is about: a namespace's own, and nothing else."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from airunway.modelimage.pull_access import (
    DOCKER_CONFIG,
    PullLogin,
    config_in,
    docker_config,
    login_in,
    namespace_of_login,
    namespace_of_path,
    password_of,
)
from airunway.modelimage.registry_login import RegistryLogin

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


def key(password: str) -> RegistryLogin:
    return RegistryLogin(user="u", password=password, hash="h", since=NOW, lineage="l")


NEW, OLD, GONE = key("new"), key("old"), key("gone")


@pytest.mark.parametrize("made_with", [NEW, OLD], ids=["the new key", "the one before"])
def test_a_login_is_that_of_its_namespace(made_with: RegistryLogin) -> None:
    login = PullLogin("team-a", password_of("team-a", made_with))

    assert namespace_of_login(login, [NEW, OLD]) == "team-a"


@pytest.mark.parametrize(
    "login",
    [
        pytest.param(None, id="none"),
        pytest.param(PullLogin("team-b", password_of("team-a", NEW)), id="another namespace's"),
        pytest.param(PullLogin("team-a", password_of("team-a", GONE)), id="of a key that is gone"),
        pytest.param(PullLogin("team-a", ""), id="no password"),
        pytest.param(PullLogin("team-a", "new"), id="the key itself"),
        pytest.param(PullLogin("", password_of("", NEW)), id="no namespace"),
        pytest.param(PullLogin("a/../b", password_of("a/../b", NEW)), id="what no namespace is called"),
        pytest.param(PullLogin("team-ä", "é"), id="letters that no login has"),
    ],
)
def test_another_login_is_nobodys(login: PullLogin | None) -> None:
    assert namespace_of_login(login, [NEW, OLD]) == ""


def test_without_a_key_nobody_is_let_in() -> None:
    assert namespace_of_login(PullLogin("team-a", password_of("team-a", NEW)), []) == ""


def header(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    "text", ["", "Basic", "Basic !", "Bearer abc", header("nocolon"), header("x" * 5000)]
)
def test_what_is_no_login(text: str) -> None:
    assert login_in(text) is None


def test_a_login_in_a_header() -> None:
    assert login_in(header("team-a:se:cret")) == PullLogin("team-a", "se:cret")


@pytest.mark.parametrize(
    "rest",
    [f"manifests/{DIGEST}", "manifests/Q4_K_M", f"blobs/{DIGEST}", f"referrers/{DIGEST}", "tags/list"],
)
def test_a_path_below_a_namespaces_folder(rest: str) -> None:
    assert namespace_of_path(f"/v2/private/team-a/aikit-acme-model/{rest}") == "team-a"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/_catalog",
        f"/v2/aikit-acme-model/manifests/{DIGEST}",
        f"/v2/private/team-a/manifests/{DIGEST}",
        f"/v2/private/team-a/../team-b/aikit-x/manifests/{DIGEST}",
        f"/v2/private/team-a/aikit-x/../../team-b/aikit-x/blobs/{DIGEST}",
        f"/v2/private/team-a%2f..%2fteam-b/aikit-x/blobs/{DIGEST}",
        f"/v2/private/team-a/deeper/aikit-x/blobs/{DIGEST}",
        f"/v2/private/team-a//aikit-x/blobs/{DIGEST}",
        f"//v2/private/team-a/aikit-x/blobs/{DIGEST}",
        "/v2/private/team-a/aikit-x/blobs/uploads/",
        "/v2/private/team-a/aikit-x/blobs/uploads/abc",
        f"/v2/private/team-a/aikit-x/blobs/{DIGEST}/",
        f"/v2/private/team-a/aikit-x/blobs/{DIGEST}\n",
        f"/v2/private/TEAM-A/aikit-x/blobs/{DIGEST}",
        f"/V2/private/team-a/aikit-x/blobs/{DIGEST}",
        f"/v2/./private/team-a/aikit-x/blobs/{DIGEST}",
        f"/v2/private/team-a%00/../team-b/aikit-x/blobs/{DIGEST}",
        f"/v2/private/team-a/aikit-x/blobs/{DIGEST}?from=private/team-b/aikit-x",
        f"/v2/private/team-a/aikit-x/blobs/sha512:{'a' * 128}",
        f"/v2/private/team-a/aikit-x/blobs/{DIGEST.upper()}",
        f"/v2/private/team-a;/aikit-x/blobs/{DIGEST}",
        f"http://evil/v2/private/team-a/aikit-x/blobs/{DIGEST}",
        f"/v2/private/team-a/{'x' * 2000}/blobs/{DIGEST}",
    ],
)
def test_every_other_path_is_nobodys(path: str) -> None:
    assert namespace_of_path(path) == ""


def test_the_secret_of_a_namespace_holds_its_login_as_kubelets_and_we_read_it() -> None:
    text = docker_config("team-a", NEW, hosts=["localhost:30501"])

    entry = json.loads(text)["auths"]["localhost:30501"]
    assert base64.b64decode(entry["auth"]).decode() == f"team-a:{entry['password']}"
    found = config_in({DOCKER_CONFIG: text})
    assert found == PullLogin("team-a", password_of("team-a", NEW))
    assert namespace_of_login(found, [NEW]) == "team-a"


@pytest.mark.parametrize(
    "text", [b"", b"x", b"[]", b'{"auths": []}', b'{"auths": {"h": {}}}', b'{"auths": 1}']
)
def test_a_secret_without_a_login(text: bytes) -> None:
    assert config_in({DOCKER_CONFIG: text}) is None
