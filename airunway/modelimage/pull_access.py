"""Who may pull which image of a private model from the registry in the cluster. Pure.

A namespace's password is derived from a key and its name. So whoever has the key can judge every login
without a list of namespaces: a new one needs nothing but its Secret, and counts at once. With a new key all
of them are new; those of the key before are good until the next comes (`registry_login`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airunway.modelimage.naming import PRIVATE_FOLDER
from airunway.modelimage.registry_login import RegistryLogin

DOCKER_CONFIG = ".dockerconfigjson"
DOCKER_CONFIG_TYPE = "kubernetes.io/dockerconfigjson"

_PURPOSE = b"airunway private pulls 1\0"
_NAMESPACE = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DIGEST = r"sha256:[0-9a-f]{64}"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_PATH = re.compile(
    rf"/v2/{PRIVATE_FOLDER}/(?P<namespace>{_NAMESPACE})/{_COMPONENT}/"
    rf"(?:manifests/(?:{_DIGEST}|{_TAG})|blobs/{_DIGEST}|referrers/{_DIGEST}|tags/list)"
)
_MAX_PATH, _MAX_HEADER = 1024, 1024


@dataclass(frozen=True)
class PullLogin:
    """What somebody logs in with; nobody has judged it."""

    user: str
    password: str


def password_of(namespace: str, key: RegistryLogin) -> str:
    """The password by which a namespace's private images are pulled; its user is the namespace."""
    made = hmac.new(key.password.encode(), _PURPOSE + namespace.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def docker_config(namespace: str, key: RegistryLogin, *, hosts: Sequence[str]) -> bytes:
    """The Docker configuration of a namespace's Secret, for these names of the registry."""
    password = password_of(namespace, key)
    auth = base64.b64encode(f"{namespace}:{password}".encode()).decode()
    entry = {"username": namespace, "password": password, "auth": auth}
    return json.dumps({"auths": dict.fromkeys(hosts, entry)}, sort_keys=True).encode()


def login_in(authorization: str) -> PullLogin | None:
    """The login of an Authorization header; None when it is none."""
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "basic" or len(text) > _MAX_HEADER:
        return None
    try:
        user, colon, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return PullLogin(user, password) if colon else None


def namespace_of_login(login: PullLogin | None, keys: Sequence[RegistryLogin]) -> str:
    """The namespace whose login this is; empty when it is nobody's."""
    if login is None or not re.fullmatch(_NAMESPACE, login.user):
        return ""
    given = login.password.encode()
    good = [hmac.compare_digest(given, password_of(login.user, key).encode()) for key in keys]
    return login.user if any(good) else ""


def namespace_of_path(path: str) -> str:
    """The namespace whose images a path of the registry's API is about, without a query; empty when it is
    about anything else, as lists of repositories, uploads, or what is written in an odd way."""
    match = _PATH.fullmatch(path) if len(path) <= _MAX_PATH else None
    return match["namespace"] if match else ""


def config_in(data: Mapping[str, bytes]) -> PullLogin | None:
    """The login of a namespace's Secret; None when it holds none."""
    try:
        entries = json.loads(data.get(DOCKER_CONFIG, b"{}")).get("auths") or {}
        entry = next(iter(entries.values()), None)
        return PullLogin(str(entry["username"]), str(entry["password"])) if entry else None
    except (ValueError, AttributeError, LookupError, TypeError):
        return None
