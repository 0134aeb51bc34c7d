"""Which file of a repository is served, and which files that takes. The rule of docs/images.md.

Without a file named, one model is chosen: the best rank in `_PREFERRED`, then the shortest path, then
alphabetical order. A split model counts as one, and must be complete. Projectors for pictures (`mmproj`),
importance matrices and drafts are no models.

A repository is anybody's: the work grows with its files and never with a number that one of their names
tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice

from airunway.modelimage.naming import MAX_PATH_LENGTH, quantisation, shard_of

_PREFERRED = (
    "Q4_K_M",
    "Q4_K_S",
    "IQ4_XS",
    "IQ4_NL",
    "Q4_1",
    "Q4_0",
    "Q5_K_M",
    "Q5_K_S",
    "Q5_1",
    "Q5_0",
    "Q6_K",
    "Q8_0",
    "MXFP4",
    "Q3_K_M",
    "Q3_K_L",
    "Q3_K_S",
)
_RANKS = {kind: rank for rank, kind in enumerate(_PREFERRED)}
_UNRANKED = len(_PREFERRED)
_NO_MODELS = ("mmproj", "imatrix", "mtp-draft")
_MAX_LISTED = 30
_MAX_LISTED_LENGTH = 200
MAX_FILES = 100_000
"""Of a repository. The largest on the hub have some ten thousand."""
MAX_SHARDS = 256
"""Of a model; each is a layer of its image. The largest models come in less than a hundred."""


class NoFileChosen(Exception):
    """No file can be chosen. The message lists what is there."""


@dataclass(frozen=True)
class ModelFiles:
    """What is served: `files` in order, the first is the one that a server is told to load."""

    files: tuple[str, ...]

    @property
    def main(self) -> str:
        """The file that a server is told to load."""
        return self.files[0]


def choose_files(available: Iterable[str], *, wanted: str = "") -> ModelFiles:
    """The files to serve out of a repository's. Raises NoFileChosen."""
    names = list(islice(available, MAX_FILES + 1))
    if len(names) > MAX_FILES:
        raise NoFileChosen(f"the repository has more than {MAX_FILES} files")
    there = {name for name in names if len(name) <= MAX_PATH_LENGTH and name.lower().endswith(".gguf")}
    if not there:
        raise NoFileChosen("the repository has no .gguf file")
    return _named(wanted, there) if wanted else _chosen(there)


def _named(wanted: str, there: Collection[str]) -> ModelFiles:
    if wanted not in there:
        lower = wanted.lower()
        alike = min((name for name in there if name.lower() == lower), default="")
        hint = f"; did you mean {alike}?" if alike else f"; there are: {_listed(there)}"
        raise NoFileChosen(f"the repository has no file {wanted}{hint}")
    return ModelFiles(_with_shards(wanted, there))


def _chosen(there: Collection[str]) -> ModelFiles:
    models = [name for name in there if _is_model(name)]
    firsts = [name for name in models if (shard := shard_of(name)) is None or shard.number == 1]
    if not firsts:
        raise NoFileChosen(
            f"no .gguf file of the repository is a model; name one in engine.args.ggufFile: {_listed(there)}"
        )
    best = min(firsts, key=_order)
    if len(firsts) > 1 and _order(best)[0] == _UNRANKED:
        raise NoFileChosen(
            "several models and no telling which is meant; name one in engine.args.ggufFile: "
            f"{_listed(firsts)}"
        )
    return ModelFiles(_with_shards(best, there))


def _with_shards(file: str, there: Collection[str]) -> tuple[str, ...]:
    """All parts of a split model in order. Raises NoFileChosen when one is missing."""
    shard = shard_of(file)
    if shard is None:
        return (file,)
    if shard.count > MAX_SHARDS:
        raise NoFileChosen(f"{file} is part of a model in more than {MAX_SHARDS} files")
    parts = tuple(
        f"{shard.stem}-{number:05}-of-{shard.count:05}.gguf" for number in range(1, shard.count + 1)
    )
    missing = [part for part in parts if part not in there]
    if missing:
        raise NoFileChosen(
            f"{file} is part of a split model whose other parts are missing: {_listed(missing)}"
        )
    return parts


def _is_model(file: str) -> bool:
    name = file.rpartition("/")[2].lower()
    return not any(word in name for word in _NO_MODELS)


def _order(file: str) -> tuple[int, bool, int, str]:
    # Of two with one quantisation: the plain one before a variant of it, then the one nearer to the root.
    kind = quantisation(file)
    rank = _RANKS.get(kind.removeprefix("UD-"), _UNRANKED)
    return rank, kind.startswith("UD-"), file.count("/"), file


def _listed(names: Collection[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(name[:_MAX_LISTED_LENGTH] for name in nsmallest(_MAX_LISTED, names)) + more
