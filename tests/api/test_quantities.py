from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.api.quantities import InvalidQuantity, canonical, equal, exceeds, is_valid, parse

CANONICAL = [
    ("binary units grow", "1024Mi", "1Gi"),
    ("a fraction of a binary unit", "0.5Gi", "512Mi"),
    ("no common larger unit", "1.5Gi", "1536Mi"),
    ("decimal units grow", "1000000", "1M"),
    ("an int", 20, "20"),
    ("below 1024 binary becomes decimal", "0.5Ki", "512"),
    ("just 1024 stays binary", "1Ki", "1Ki"),
    ("a binary fraction becomes decimal", "1.1Gi", "1181116006400m"),
    ("milli", "0.1", "100m"),
    ("milli that are whole", "1000m", "1"),
    ("finer than nano is rounded up", "0.0000000001", "1n"),
    ("exponents stay", "12e6", "12e6"),
    ("exponents become multiples of three", "1200e4", "12e6"),
    ("zero has no unit", "0Gi", "0"),
    ("signs", "-1024Mi", "-1Gi"),
    ("a plus is kept", "+1k", "+1k"),
    ("zeros before and behind are kept", "01.500", "01.500"),
    ("no digits are zero", "Gi", "0"),
    ("leading dot", ".5", "500m"),
    ("trailing dot", "5.", "5."),
    ("larger than an int64", "1000E", "1000E"),
    ("far larger", "1e1000", "10e999"),
    ("as large as can be read", "12e9999", "12e9999"),
    ("as small", "1e-999", "1e-9"),
    ("blanks around it", "\t1024Mi\x85\n", "1Gi"),
    ("larger than an int64, binary, is cut", "1000Ei", "9223372036854775807"),
]


@pytest.mark.parametrize(
    ("given_text", "want"), [case[1:] for case in CANONICAL], ids=[c[0] for c in CANONICAL]
)
def test_the_canonical_text(given_text: str | int, want: str) -> None:
    assert canonical(given_text) == want


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lots",
        "1Gib",
        "1gi",
        "1 Gi",
        " 1",
        "1e1.5",
        "--1",
        "1KiB",
        "0x1",
        "1_0",
        "٣",
        "1e99999",
        "1" * 300,
    ],
)
def test_what_is_no_quantity(text: str) -> None:
    assert not is_valid(text)
    with pytest.raises(InvalidQuantity, match=r"quantity|exponent"):
        parse(text)


def test_comparison_is_by_value() -> None:
    assert exceeds("512001m", "512")
    assert not exceeds("512000m", "512")
    assert not exceeds("4096Gi", "4Ti")
    assert equal("1Gi", "1024Mi")
    assert not equal("1Gi", "1G")


numbers = st.from_regex(r"[+-]?([0-9]{1,9}(\.[0-9]{0,6})?|\.[0-9]{1,6})", fullmatch=True)
suffixes = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti", "e3", "E-2", "e0"])


@given(numbers, suffixes)
def test_the_canonical_text_has_the_same_value_and_is_its_own_canonical_text(
    number: str, suffix: str
) -> None:
    text = canonical(number + suffix)

    assert parse(text) == parse(number + suffix)
    assert canonical(text) == text


@given(numbers, suffixes)
def test_the_value_is_the_number_times_its_suffix(number: str, suffix: str) -> None:
    factors = {"n": "1e-9", "u": "1e-6", "m": "1e-3", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12"}
    binary = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    exponents = {"": "1", "e3": "1e3", "E-2": "1e-2", "e0": "1"}
    factor = Decimal(binary[suffix]) if suffix in binary else Decimal((factors | exponents)[suffix])
    want = Decimal(number) * factor

    value = parse(number + suffix)

    if suffix in binary:
        want = max(min(want, Decimal(2**63 - 1)), Decimal(1 - 2**63))
    assert abs(value - want) < Decimal("1e-9")


@given(st.text(max_size=40))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    if is_valid(text):
        assert canonical(canonical(text)) == canonical(text)
