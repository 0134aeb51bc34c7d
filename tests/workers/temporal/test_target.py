"""Where Temporal is: the environment of the SDK first, our settings over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from airunway.console.links import workflow_link
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import (
    InvalidConnection,
    at_own_server,
    is_named,
    read_credentials,
    target_of,
)
from tests.servers.certificates import Certificates, make_certificates

PROFILES = """
[profile.default]
address = "local.example:7233"

[profile.prod]
address = "prod.example:7233"
namespace = "models"
api_key = "from-the-profile"
[profile.prod.tls]
server_name = "temporal.internal"
[profile.prod.grpc_meta]
X-Team = "ml"
"""


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nothing is said anywhere, but in a file with profiles."""
    for name in list(os.environ):
        if name.startswith(("TEMPORAL_", "AIRUNWAY_TEMPORAL_")):
            monkeypatch.delenv(name)
    file = tmp_path / "temporal.toml"
    file.write_text("")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    yield monkeypatch


@pytest.fixture
def profiles(tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text(PROFILES)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_nothing_said_is_a_server_on_this_machine_without_tls() -> None:
    target = target_of(Settings())

    assert (target.address, target.namespace, target.ui) == (
        "127.0.0.1:7233",
        "default",
        "http://127.0.0.1:8233",
    )
    assert read_credentials(target).tls is None
    assert not is_named(Settings())


def test_a_profile_says_everything(profiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "prod")

    target = target_of(Settings())
    credentials = read_credentials(target)

    assert (target.address, target.namespace) == ("prod.example:7233", "models")
    assert credentials.api_key == "from-the-profile"
    assert credentials.tls is not None and credentials.tls.domain == "temporal.internal"
    assert credentials.metadata == {"x-team": "ml"}
    assert is_named(Settings())


def test_variables_are_over_the_profile_and_our_settings_over_both(
    profiles: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "prod")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "from-variable")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "variable.example:7233")
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", "ours.example:7233")
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_METADATA", '{"X-Team": "ours", "x-more": "1"}')
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_SERVER_NAME", "ours")
    (tmp_path / "key").write_text("from-our-file\n")
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_API_KEY_FILE", str(tmp_path / "key"))

    target = target_of(Settings())
    credentials = read_credentials(target)

    assert (target.address, target.namespace) == ("ours.example:7233", "from-variable")
    assert credentials.api_key == "from-our-file"
    assert credentials.tls is not None and credentials.tls.domain == "ours"
    assert credentials.metadata == {"x-team": "ours", "x-more": "1"}


def test_the_environment_can_be_left_out(profiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "variable.example:7233")

    assert target_of(Settings(temporal_environment=False)).address == "127.0.0.1:7233"


def test_a_server_of_our_own_has_nothing_of_the_environment(
    profiles: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "prod")
    given = Settings(temporal_namespace="other", temporal_api_key_file=tmp_path / "key", temporal_tls=True)

    target = target_of(at_own_server(given, "127.0.0.1:7001", "http://127.0.0.1:7002"))

    assert (target.address, target.namespace, target.ui) == (
        "127.0.0.1:7001",
        "default",
        "http://127.0.0.1:7002",
    )
    assert read_credentials(target).tls is None


def test_links_lead_to_the_effective_namespace(profiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "prod")
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_UI", "https://ui.example.com/")

    assert (
        workflow_link(target_of(Settings()), "a/b")
        == "https://ui.example.com/namespaces/models/workflows/a%2Fb"
    )


@pytest.mark.parametrize("address", ["ns.acc.tmprl.cloud:7233", "eu-west-1.aws.api.temporal.io:7233"])
def test_links_for_temporal_cloud(address: str) -> None:
    assert target_of(Settings(temporal_address=address)).ui == "https://cloud.temporal.io"


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADDRESS", "TLS", "API_KEY_FILE", "CERT_FILE", "NAMESPACE", "ENCRYPTION_KEYS"):
        monkeypatch.setenv(f"AIRUNWAY_TEMPORAL_{name}", "")

    assert read_credentials(target_of(Settings())).tls is None
    assert Settings().temporal_encryption_keys is None


# -- what is given, and what follows from it ------------------------------------------------------------


def test_a_key_turns_tls_on(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")

    assert read_credentials(target_of(Settings(temporal_api_key_file=tmp_path / "key"))).tls is not None


def test_a_certificate_turns_tls_on(certificates: Certificates) -> None:
    settings = Settings(
        temporal_cert_file=certificates.client_cert,
        temporal_key_file=certificates.client_key,
        temporal_ca_file=certificates.ca,
    )

    tls = read_credentials(target_of(settings)).tls

    assert tls is not None
    assert tls.client_private_key == certificates.client_key.read_bytes()
    assert tls.server_root_ca_cert == certificates.ca.read_bytes()


@pytest.mark.parametrize(
    "variables",
    [
        {"TEMPORAL_API_KEY": "secret", "AIRUNWAY_TEMPORAL_TLS": "false"},
        {"TEMPORAL_API_KEY": "secret", "TEMPORAL_TLS": "false"},
        {"TEMPORAL_GRPC_META_AUTHORIZATION": "Bearer secret", "AIRUNWAY_TEMPORAL_TLS": "false"},
    ],
)
def test_a_key_without_tls_is_refused(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InvalidConnection, match="without TLS could be read by anybody") as caught:
        read_credentials(target_of(Settings()))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"temporal_cert_file": "client_cert"},
            "a certificate is given alone: set AIRUNWAY_TEMPORAL_KEY_FILE",
        ),
        ({"temporal_key_file": "client_key"}, "a key is given alone: set AIRUNWAY_TEMPORAL_CERT_FILE"),
    ],
)
def test_a_half_pair_is_refused(given: dict[str, str], said: str, certificates: Certificates) -> None:
    settings = Settings(**{name: getattr(certificates, file) for name, file in given.items()})

    with pytest.raises(InvalidConnection, match=said):
        read_credentials(target_of(settings))


@pytest.mark.parametrize("content", ["", "two words", "line\nline", "kéy"])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)

    with pytest.raises(InvalidConnection, match="is no API key") as caught:
        read_credentials(target_of(Settings(temporal_api_key_file=tmp_path / "key")))

    assert not content or content not in str(caught.value)


@pytest.mark.parametrize("name", ["temporal_api_key_file", "temporal_ca_file"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    settings = Settings(**{name: tmp_path / "absent"})

    with pytest.raises(InvalidConnection, match="absent"):
        read_credentials(target_of(settings))


def test_a_profile_that_is_not_there_is_named(profiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "nope")

    with pytest.raises(InvalidConnection, match="nope"):
        target_of(Settings())


def test_an_address_is_no_url() -> None:
    with pytest.raises(InvalidConnection, match="without a scheme"):
        target_of(Settings(temporal_address="https://temporal.example:7233"))


def test_nothing_secret_is_shown(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden-key")
    settings = Settings(
        temporal_api_key_file=tmp_path / "key",
        temporal_cert_file=certificates.client_cert,
        temporal_key_file=certificates.client_key,
        temporal_metadata={"authorization": "Bearer hidden"},
    )
    target = target_of(settings)

    shown = f"{target!r} {read_credentials(target)!r}"

    assert "hidden" not in shown and "PRIVATE" not in shown
