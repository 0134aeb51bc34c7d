"""Which file of a repository is served, and which files that takes. The rule of docs/images.md.

Without a file named, one model is chosen: the best rank in `_PREFERRED`, then the shortest path, then
alphabetical order. A split model counts as one, and must be complete. Projectors for pictures (`mmproj`),
importance matrices and drafts are no models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airunway.modelimage.naming import quantisation, shard_of

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
_NO_MODELS = ("mmproj", "imatrix", "mtp-draft")
_MAX_LISTED = 30


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
    there = sorted({name for name in available if name.lower().endswith(".gguf")})
    if not there:
        raise NoFileChosen("the repository has no .gguf file")
    return _named(wanted, there) if wanted else _chosen(there)


def _named(wanted: str, there: Sequence[str]) -> ModelFiles:
    if wanted not in there:
        alike = [name for name in there if name.lower() == wanted.lower()]
        hint = f"; did you mean {alike[0]}?" if alike else f"; there are: {_listed(there)}"
        raise NoFileChosen(f"the repository has no file {wanted}{hint}")
    return ModelFiles(_with_shards(wanted, there))


def _chosen(there: Sequence[str]) -> ModelFiles:
    models = [name for name in there if _is_model(name)]
    firsts = [name for name in models if (shard := shard_of(name)) is None or shard.number == 1]
    if not firsts:
        raise NoFileChosen(
            f"no .gguf file of the repository is a model; name one in engine.args.ggufFile: {_listed(there)}"
        )
    ranked = sorted(firsts, key=_order)
    best = ranked[0]
    if len(ranked) > 1 and _rank(best) == len(_PREFERRED):
        raise NoFileChosen(
            "several models and no telling which is meant; name one in engine.args.ggufFile: "
            f"{_listed(firsts)}"
        )
    return ModelFiles(_with_shards(best, there))


def _with_shards(file: str, there: Sequence[str]) -> tuple[str, ...]:
    """All parts of a split model in order. Raises NoFileChosen when one is missing."""
    shard = shard_of(file)
    if shard is None:
        return (file,)
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


def _rank(file: str) -> int:
    kind = quantisation(file).removeprefix("UD-")
    return _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)


def _order(file: str) -> tuple[int, bool, int, str]:
    # Of two with one quantisation: the plain one before a variant of it, then the one nearer to the root.
    return _rank(file), quantisation(file).startswith("UD-"), file.count("/"), file


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more
