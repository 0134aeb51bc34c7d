"""Every text arrives as it is, on the emulated cluster and on a real one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airunway.clients.kubernetes import Cluster, Resource
from airunway.clients.kubernetes.encoding import yaml_from
from tests.clusters import emulated_cluster

CONFIG_MAPS = Resource("v1", "configmaps")
TEXTS = {
    "latin": "ä",
    "beyond 16 bits": "😀 𐀀 \U0010fffd",
    "what looks like an escape": "\\ud83d\\ude00 \\U0001F600",
    "line breaks of YAML": "a\u0085b\u2028c\u2029d\r\ne\n",
    "not printable": "\x01\x1f\x7f\x80\x9f\ufffe\uffff",
    "a byte order mark": "\ufeff",
    "YAML": "a: [b, 'c'] # d\n---\n? e",
}


@pytest.fixture(params=["emulated", pytest.param("real", marks=pytest.mark.real)])
async def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    if request.param == "real":
        async with await Cluster.connect(request.getfixturevalue("real_kubeconfig")) as client:
            yield client
        return
    async with emulated_cluster(tmp_path) as client:
        yield client


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_a_text_that_is_applied_is_stored_as_it_is(cluster: Cluster, text: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "texts", "namespace": "default"},
        "data": {"text": text},
    }

    stored = await cluster.apply(CONFIG_MAPS, body, field_manager="test")

    assert stored["data"] == {"text": text}
    await cluster.delete(CONFIG_MAPS, "texts", namespace="default")


@given(st.text() | st.dictionaries(st.text(), st.floats(allow_nan=False) | st.integers() | st.none()))
def test_it_is_json_and_holds_no_pair_of_escapes(value: object) -> None:
    text = yaml_from(value).decode()

    assert json.loads(text) == value
    for token in yaml.scan(text):
        assert token
