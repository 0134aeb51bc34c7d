"""JSON of others: what is too large, too deep or none is refused, and nothing is read in one long piece."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.api.bounds import MAX_DEPTH, has_more_elements_than, is_deeper_than
from airunway.clients import bounded_json
from airunway.clients.bounded_json import LEFT_OUT, BadDocument, read_json, read_json_off_loop

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def nested(levels: int, *, within: bytes = b"1") -> bytes:
    return b'{"a":[' * (levels // 2) + within + b"]}" * (levels // 2)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_a_document_in_pieces_is_the_same_document(value: Any, lenient: bool, indent: int | None) -> None:
    data = json.dumps(value, indent=indent).encode()

    assert bounded_json._Pieces(data.decode()).value() == value
    assert read_json(data, lenient=lenient) == value


@given(st.text(alphabet='[]{},:"\\ 1e-au\n', max_size=30))
def test_what_is_no_json_is_refused_in_pieces_as_at_once(text: str) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        wanted = BadDocument

    try:
        found = bounded_json._Pieces(text).value()
    except ValueError:
        found = BadDocument

    assert found == wanted


def test_a_large_document_is_decoded_an_element_at_a_time() -> None:
    items = [{"name": f"n{number}", "pad": "x" * 200} for number in range(10_000)]
    document = {"kind": "List", "items": items}
    data = json.dumps(document).encode()
    pieces = bounded_json._Pieces(data.decode())
    sizes = []
    decode = pieces._decode

    def counted(text: str, at: int) -> tuple[Any, int]:
        value, end = decode(text, at)
        sizes.append(end - at)
        return value, end

    pieces._decode = counted  # type: ignore[method-assign,assignment]
    assert pieces.value() == document
    assert max(sizes) < 1000


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        nested(10_000),
        nested(MAX_DEPTH + 20),
        b'{"pad":"' + b"x" * 2_000_000 + b'","a":' + nested(5000) + b"}",
    ],
)
async def test_what_is_nested_too_deep_is_refused(data: bytes) -> None:
    with pytest.raises(BadDocument, match="deeper"):
        await read_json_off_loop(data)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 20, 900, 5000, 100_000])
async def test_of_a_list_only_what_is_too_deep_is_left_out(levels: int) -> None:
    good, last = b'{"metadata":{"name":"good"}}', b'{"metadata":{"name":"last"}}'
    data = b'{"items":[' + b",".join([good, b'{"spec":' + nested(levels) + b"}", last]) + b"]}"

    answer = await read_json_off_loop(data, lenient=True)

    assert answer["items"][0] == {"metadata": {"name": "good"}}
    assert answer["items"][2] == {"metadata": {"name": "last"}}
    assert LEFT_OUT in json.dumps(answer)
    assert not is_deeper_than(answer, MAX_DEPTH)


NO_JSON = [b"", b"{", b"[1,]", b"\xff", b'{"a":NaN}', b'{"a":1}x', b"1" * 5000, b'"\\']


@pytest.mark.parametrize("data", NO_JSON)
@pytest.mark.parametrize("lenient", [True, False])
async def test_what_is_no_json_is_refused(data: bytes, lenient: bool) -> None:
    with pytest.raises(BadDocument):
        await read_json_off_loop(data, lenient=lenient)


async def test_a_text_without_an_end_is_looked_for_once() -> None:
    data = b"[" * 100_000 + b'"' + b'\\"' * 1_000_000  # from each of its quotes anew it would take hours

    with pytest.raises(BadDocument):
        await read_json_off_loop(data, lenient=True)


async def test_more_elements_than_a_kind_of_document_has_are_refused_before_they_are_made() -> None:
    with pytest.raises(BadDocument, match="more than 1000 elements"):
        await read_json_off_loop(b"[" + b"[]," * 500_000 + b"[]]", max_elements=1000)


async def test_the_message_quotes_nothing() -> None:
    with pytest.raises(BadDocument) as raised:
        await read_json_off_loop(b'{"token": hf_secret}')

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("limit", "more"), [(5, True), (6, False)])
def test_elements_are_counted_with_what_lies_in_them(limit: int, more: bool) -> None:
    assert has_more_elements_than({"a": [1, 2], "b": {"c": 3}}, limit) is more
