"""A repository is anybody's: the work of choosing grows with its files, and with nothing that their names
say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airunway.modelimage import choice
from airunway.modelimage.choice import MAX_FILES, MAX_SHARDS, NoFileChosen, choose_files
from airunway.modelimage.naming import MAX_PATH_LENGTH

MANY = 50_000


class CountedText(str):
    """A name that counts how often it is compared with another one of the same hash, or put in order."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        CountedText.compared += 1
        return str.__eq__(self, other)

    def __lt__(self, other: str) -> bool:
        CountedText.compared += 1
        return str.__lt__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("m{}-Q4_K_M.gguf", id="models of one quantisation"),
        pytest.param("m-{:05}-of-50000.gguf", id="one model in 50,000 parts"),
        pytest.param("d{}/m-00001-of-00256.gguf", id="beginnings of models in parts that are not there"),
        pytest.param("README-{}.md", id="no models"),
        pytest.param("{}-" + "q4_" * 60 + ".gguf", id="long names of no quantisation"),
    ],
)
@pytest.mark.parametrize("wanted", ["", "nothing.gguf", "m-00001-of-50000.gguf"])
def test_fifty_thousand_names_are_looked_at_a_few_times_each(
    name: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [CountedText(name.format(number)) for number in range(1, MANY + 1)]
    read = []
    monkeypatch.setattr(choice, "quantisation", lambda file: read.append(file) or "")
    CountedText.compared = 0

    try:
        choose_files(names, wanted=wanted)
    except NoFileChosen as err:
        assert len(str(err)) < 10_000

    assert CountedText.compared <= 10 * MANY
    assert len(read) <= 3 * MANY


def test_no_more_parts_are_named_than_there_are_files() -> None:
    with pytest.raises(NoFileChosen, match=f"more than {MAX_SHARDS} files"):
        choose_files(["m-00001-of-99999.gguf"])


def test_as_many_parts_as_a_model_may_have_are_chosen() -> None:
    parts = [f"m-{number:05}-of-{MAX_SHARDS:05}.gguf" for number in range(1, MAX_SHARDS + 1)]

    assert list(choose_files(reversed(parts)).files) == parts


def test_more_files_than_are_taken_are_not_even_listed() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"m{taken}.gguf"

    with pytest.raises(NoFileChosen, match="more than"):
        choose_files(endless())

    assert taken == MAX_FILES + 1


def test_a_name_that_no_file_in_an_image_can_have_is_none() -> None:
    with pytest.raises(NoFileChosen, match=r"no \.gguf file"):
        choose_files(["m" * MAX_PATH_LENGTH + ".gguf"])
