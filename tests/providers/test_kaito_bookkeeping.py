"""The record on a Workspace is the text that AI Runway's own controller writes."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.contract import RenderContext
from airunway.providers.kaito import PROVIDER
from airunway.providers.kaito.bookkeeping import LAST_APPLIED, go_json, record_of
from tests.providers.build import runner


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(
            {"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}', id="compact and sorted"
        ),
        pytest.param("x<y>&z", '"x\\u003cy\\u003e\\u0026z"', id="HTML characters are escaped"),
        pytest.param("\u2028\u2029", '"\\u2028\\u2029"', id="line separators are escaped"),
        pytest.param('é"\\\n\t\x01', '"é\\"\\\\\\n\\t\\u0001"', id="other characters stand as they are"),
        pytest.param({"é": 1, "z": 2, "Z": 3}, '{"Z":3,"z":2,"é":1}', id="keys sort bytewise"),
        pytest.param(5.0, "5", id="a whole float"),
        pytest.param(0.25, "0.25", id="a fraction"),
        pytest.param(-0.0, "-0", id="negative zero"),
        pytest.param(1e20, "100000000000000000000", id="plain digits below 1e21"),
        pytest.param(1e21, "1e+21", id="an exponent from 1e21"),
        pytest.param(1.5e300, "1.5e+300", id="a large exponent"),
        pytest.param(0.000001, "0.000001", id="plain digits down to 1e-6"),
        pytest.param(1.25e-7, "1.25e-7", id="a small exponent has one digit"),
        pytest.param(-1e-10, "-1e-10", id="a negative one"),
        pytest.param(2**53 + 1, "9007199254740992", id="integers beyond a double lose digits"),
        pytest.param({}, "{}", id="an empty map"),
    ],
)
def test_json_as_go_writes_it(value: Any, text: str) -> None:
    assert go_json(value) == text


def test_record_of_the_contracts_second_example() -> None:
    given = runner(
        env=[{"name": "A", "value": "x<y"}],
        podTemplate={"metadata": {"labels": {"team": "nlp"}, "annotations": {"note": "n1"}}},
        provider={"overrides": {"resource": {"count": 2}}},
    )

    text = PROVIDER.render(given, RenderContext())[0]["metadata"]["annotations"][LAST_APPLIED]

    assert text.startswith('{"annotations":{"note":"n1"},"inference":{"template":{"metadata":')
    assert '"env":[{"name":"A","value":"x\\u003cy"}]' in text
    assert text.endswith(
        '"resource":{"count":2,"labelSelector":{"matchLabels":{"kubernetes.io/os":"linux"}}}}'
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "7", None], ids=repr)
def test_a_record_that_cannot_be_read_is_none(text: Any) -> None:
    assert record_of({"metadata": {"annotations": {LAST_APPLIED: text}}}) == {}


def test_a_workspace_without_annotations_has_no_record() -> None:
    assert record_of({}) == record_of({"metadata": {"annotations": None}}) == {}
