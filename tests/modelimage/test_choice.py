"""Which file of a repository is served. The rule is that of docs/images.md."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.modelimage.choice import NoFileChosen, choose_files

KINDS = ["Q4_K_M", "Q4_K_S", "Q8_0", "F16", "IQ4_XS", "Q6_K", "BF16", "UD-Q4_K_M"]
NAMES = st.lists(
    st.builds(
        "{}{}-{}.gguf".format, st.sampled_from(["", "sub/"]), st.sampled_from("abc"), st.sampled_from(KINDS)
    ),
    min_size=1,
    max_size=12,
)


def shards(stem: str, count: int) -> list[str]:
    return [f"{stem}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("there", "wanted", "chosen"),
    [
        pytest.param(["m.gguf", "README.md"], "", ["m.gguf"], id="the only one, whatever it is called"),
        pytest.param(["m-Q8_0.gguf", "m-Q4_K_M.gguf"], "", ["m-Q4_K_M.gguf"], id="Q4_K_M first"),
        pytest.param(["m-Q8_0.gguf", "m-F16.gguf"], "", ["m-Q8_0.gguf"], id="a known one before F16"),
        pytest.param(
            ["sub/m-Q4_K_M.gguf", "m-Q4_K_M.gguf"], "", ["m-Q4_K_M.gguf"], id="the nearer one of two alike"
        ),
        pytest.param(
            ["m-UD-Q4_K_M.gguf", "m-Q4_K_M.gguf"], "", ["m-Q4_K_M.gguf"], id="the plain one of two alike"
        ),
        pytest.param(
            ["mmproj-m-Q4_K_M.gguf", "m-Q5_0.gguf"], "", ["m-Q5_0.gguf"], id="a projector is no model"
        ),
        pytest.param(shards("m-Q4_K_M", 3)[::-1], "", shards("m-Q4_K_M", 3), id="a split model is one"),
        pytest.param(
            [*shards("m-F16", 2), "m-Q8_0.gguf"], "", ["m-Q8_0.gguf"], id="split or not does not count"
        ),
        pytest.param(["a.gguf", "b.gguf"], "b.gguf", ["b.gguf"], id="the named one"),
        pytest.param(
            ["mmproj.gguf", "m.gguf"], "mmproj.gguf", ["mmproj.gguf"], id="the named one, even if odd"
        ),
        pytest.param(
            shards("m", 2), "m-00002-of-00002.gguf", shards("m", 2), id="any part names a split model"
        ),
    ],
)
def test_choice(there: list[str], wanted: str, chosen: list[str]) -> None:
    assert list(choose_files(there, wanted=wanted).files) == chosen


@pytest.mark.parametrize(
    ("there", "wanted", "message"),
    [
        pytest.param(["a.bin"], "", "no .gguf file", id="nothing there"),
        pytest.param(["a.gguf", "b.gguf"], "", "a.gguf, b.gguf", id="no telling which"),
        pytest.param(["a-F16.gguf", "b-F16.gguf"], "", "engine.args.ggufFile", id="only unknown kinds"),
        pytest.param(["mmproj-a.gguf"], "", "mmproj-a.gguf", id="no model"),
        pytest.param(["a.gguf"], "b.gguf", "there are: a.gguf", id="the named one is not there"),
        pytest.param(["M-Q8_0.gguf"], "m-q8_0.gguf", "did you mean M-Q8_0.gguf", id="another case"),
        pytest.param(shards("m", 3)[:2], "", "m-00003-of-00003.gguf", id="a part is missing"),
    ],
)
def test_an_unclear_choice_says_what_is_there(there: list[str], wanted: str, message: str) -> None:
    with pytest.raises(NoFileChosen, match=message.replace(".", r"\.")):
        choose_files(there, wanted=wanted)


@given(NAMES, st.randoms())
def test_the_order_of_a_listing_does_not_matter(there: list[str], shuffle: random.Random) -> None:
    mixed = list(there)
    shuffle.shuffle(mixed)

    def outcome(names: list[str]) -> object:
        try:
            return choose_files(names)
        except NoFileChosen as err:
            return str(err)

    assert outcome(there) == outcome(mixed)


@given(NAMES)
def test_what_is_chosen_is_there(there: list[str]) -> None:
    try:
        chosen = choose_files(there)
    except NoFileChosen:
        return
    assert set(chosen.files) <= set(there)


def test_a_long_list_is_cut() -> None:
    with pytest.raises(NoFileChosen, match="and 70 more"):
        choose_files([f"{number}.gguf" for number in range(100)])
