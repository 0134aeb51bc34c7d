"""Secrets in values stay out of what is shown, however they are written."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.clients.helm import masked
from airunway.clients.helm.redaction import REDACTED, Redactor, is_secret_name, secret_strings

SECRET = ["password", "adminPassword", "DB_PASSWD", "apiToken", "hfToken", "token", "clientSecret", "api_key"]
SECRET += ["tls.key", "privateKey", "credentials", "htpasswd", "passphrase", "accessKey", "kubeconfig"]
HARMLESS = ["image", "tag", "existingSecret", "secretName", "tokenSecretName", "passwordSecretRef", "key"]
HARMLESS += [
    "secretKeyRef",
    "tokenTTL",
    "monkey",
    "keyboard",
    "passthrough",
    "tokenPath",
    "author",
    "bypass",
    "tokenizer",
    "maxTokens",
]


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_names_that_only_sound_so(name: str) -> None:
    assert not is_secret_name(name)


def test_a_document_is_masked_and_keeps_its_shape() -> None:
    values = {
        "image": "a/b",
        "auth": {"password": "hunter22", "user": "me", "existingSecret": "mine"},
        "secrets": {"db": "abcd", "count": 2, "nested": [{"x": "wxyz"}], "empty": "", "none": None},
        "tokens": ["one1", "two2"],
        "pin": {"token": 12345, "secretEnabled": True},
    }

    assert masked(values) == {
        "image": "a/b",
        "auth": {"password": REDACTED, "user": "me", "existingSecret": "mine"},
        "secrets": {"db": REDACTED, "count": 2, "nested": [{"x": REDACTED}], "empty": "", "none": None},
        "tokens": [REDACTED, REDACTED],
        "pin": {"token": REDACTED, "secretEnabled": True},
    }
    assert secret_strings(values) >= {"hunter22", "abcd", "wxyz", "one1", "two2", "12345"}


# Hypothesis finds the word for what was taken out in the source; to take that out leaves it there.
SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=8).filter(
    lambda text: text not in REDACTED
)
WAYS = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "JSON": lambda text: json.dumps({"a": text}),
    "URL": lambda text: quote(text, safe=""),
}


@pytest.mark.parametrize("way", WAYS)
@given(secret=SECRETS)
def test_any_secret_is_taken_out_in_any_writing(way: str, secret: str) -> None:
    redact = Redactor({"a": [{"password": secret}]})

    written = WAYS[way](secret)

    assert written not in redact(f"<<{written}>>")
    assert REDACTED in redact(f"<<{written}>>")


def test_a_key_of_many_lines_is_taken_out_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nx: 1\n-----END PRIVATE KEY-----\n"
    redact = Redactor({"tls.key": key})

    assert redact("data MIIEvQIBADANBgkqhkiG9w0B") == f"data {REDACTED}"
    assert redact("x: 1") == "x: 1"


def test_named_strings_are_taken_out_too() -> None:
    assert Redactor({"x": "plain"}, secrets=["sesame"])("open sesame, plain") == f"open {REDACTED}, plain"


def test_passwords_in_addresses_are_taken_out_without_being_known() -> None:
    assert (
        Redactor()("get https://me:pw@charts.example.com/x") == f"get https://{REDACTED}@charts.example.com/x"
    )
    assert Redactor()("get https://charts.example.com:443/x@y") == "get https://charts.example.com:443/x@y"


@pytest.mark.parametrize("values", [None, {}, {"password": ""}, {"password": None}, {"token": "ab"}, []])
def test_nothing_to_hide_changes_nothing(values: Any) -> None:
    assert Redactor(values)("ab: a line of output") == "ab: a line of output"
