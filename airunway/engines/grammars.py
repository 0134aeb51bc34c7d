"""The programs that providers start, and where else a flag may belong that one of them does not have.

A version is that of the image which is rendered by default; an image that names another release of vLLM is
read by the newest table that is not newer. Sources: the images of docs/contract, `ai-dynamo` 1.4.2 (asks for
vLLM 0.26.0; its SGLang 0.5.16 is read by the table of 0.5.10.post1), `ray[llm]` 2.55.0 (asks for vLLM 0.18.0
at least). A nightly image is of the newest release that was there when its table was made. No provider starts
trtllm-serve (known by a commit) or llama.cpp (by the release of llama-cpp-python that holds it): their tables
tell what is meant for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from airunway.engines.flag_table import FlagTable, stored_table

NEWEST_VLLM = "0.33.0"
LLMD_VLLM = "0.9.1"
RAY_VLLM = "0.18.0"
DYNAMO, DYNAMO_VLLM, DYNAMO_SGLANG = "1.4.2", "0.26.0", "0.5.10.post1"
TRTLLM_COMMIT, LLAMA_CPP = "00209af149e7", "0.3.36"

VLLM_VERSIONS = (LLMD_VLLM, RAY_VLLM, DYNAMO_VLLM, NEWEST_VLLM)
"""Every version that has a table, oldest first."""

_RELEASE = re.compile(r"vllm[^:/]*:v?(\d+)\.(\d+)\.(\d+)(?![\d.])")


@dataclass(frozen=True)
class Elsewhere:
    """Flags of another program. `advice`: the sentence that says where they belong."""

    table: FlagTable
    advice: str


@dataclass(frozen=True)
class Grammar:
    """How one program reads its command line.

    `advice`: what to do instead, for flags that belong elsewhere, by name. `underscores`: whether
    `--max_model_len` is read as `--max-model-len`.
    """

    title: str
    tables: tuple[FlagTable, ...]
    relatives: tuple[Elsewhere, ...] = ()
    """Other parts and versions of the same program: what kind of flag it is holds here as well."""
    strangers: tuple[Elsewhere, ...] = ()
    """Other programs."""
    underscores: bool = False
    prefixes: tuple[str, ...] = ()
    """What begins so is not looked at: it is read by rules of its own."""
    advice: Mapping[str, str] = field(default_factory=dict)
    abbreviations: bool = False
    """Whether `--tensor-par` is read as `--tensor-parallel-size`, as Python's argparse does."""

    @cached_property
    def own(self) -> FlagTable:
        """All flags of this program."""
        table = self.tables[0].beside(self.tables[1:])
        return table.taking_abbreviations() if self.abbreviations else table

    @cached_property
    def meant(self) -> FlagTable:
        """Its flags and those of its relatives: what is written is meant for one of them."""
        return self.own.beside(entry.table for entry in self.relatives)


def vllm_release(image: str, *, default: str) -> str:
    """The version whose table holds for an image: by its tag, if that names a release of vLLM."""
    found = _RELEASE.search(image)
    if found is None:
        return default
    wanted = tuple(map(int, found.groups()))
    older = [version for version in VLLM_VERSIONS if tuple(map(int, version.split("."))) <= wanted]
    return older[-1] if older else VLLM_VERSIONS[0]


@cache
def vllm_serve(version: str) -> Grammar:
    """`vllm serve`: the engine's flags and those of its HTTP server."""
    return Grammar(
        title=f"vLLM {version}",
        tables=(_vllm(version, "engine"), _vllm(version, "frontend")),
        relatives=_other_releases(version),
        strangers=(_sglang(), *_trtllm(), _llama_cpp(), *_dynamo_workers("vllm", "sglang", "trtllm")),
        underscores=True,
        abbreviations=True,
    )


@cache
def ray_serve_llm(version: str = RAY_VLLM) -> Grammar:
    """The options of Ray Serve LLM, which are the fields behind the flags of `vllm serve`."""
    serve = vllm_serve(version)
    return Grammar(
        title=f"vLLM {version} (Ray Serve LLM)",
        tables=serve.tables,
        relatives=serve.relatives,
        strangers=serve.strangers,
        underscores=True,
        abbreviations=True,
    )


@cache
def dynamo_vllm() -> Grammar:
    """`python3 -m dynamo.vllm`: Dynamo's own flags, then vLLM's engine, without vLLM's HTTP server."""
    return Grammar(
        title=f"dynamo.vllm {DYNAMO}",
        abbreviations=True,
        tables=(_dynamo("runtime"), _dynamo("vllm"), _vllm(DYNAMO_VLLM, "engine")),
        relatives=(
            Elsewhere(
                _vllm(DYNAMO_VLLM, "frontend"),
                "is a flag of vLLM's own HTTP server; Dynamo's frontend serves HTTP instead of the worker",
            ),
            *_other_releases(DYNAMO_VLLM),
        ),
        strangers=(
            _dynamo_frontend(),
            _sglang(),
            *_trtllm(),
            _llama_cpp(),
            *_dynamo_workers("sglang", "trtllm"),
        ),
        advice={
            "enable-auto-tool-choice": "set dyn-tool-call-parser, which switches it on",
            "tool-call-parser": "set dyn-tool-call-parser instead",
            "chat-template": "set custom-jinja-template instead",
        },
    )


@cache
def dynamo_sglang() -> Grammar:
    """`python3 -m dynamo.sglang`: Dynamo's own flags and SGLang's."""
    return Grammar(
        title=f"dynamo.sglang {DYNAMO}",
        abbreviations=True,
        tables=(_dynamo("runtime"), _dynamo("sglang"), _sglang().table),
        strangers=(
            _dynamo_frontend(),
            *_all_of_vllm(),
            *_trtllm(),
            _llama_cpp(),
            *_dynamo_workers("vllm", "trtllm"),
        ),
        advice={"enable-auto-tool-choice": "set dyn-tool-call-parser, which switches it on"},
    )


@cache
def dynamo_trtllm() -> Grammar:
    """`python3 -m dynamo.trtllm`: Dynamo's own flags; the engine's are in a file, or `--trtllm.…`."""
    engine = "set it in the file of extra-engine-args, or in override-engine-args"
    return Grammar(
        title=f"dynamo.trtllm {DYNAMO}",
        abbreviations=True,
        tables=(_dynamo("runtime"), _dynamo("trtllm")),
        relatives=tuple(
            Elsewhere(entry.table, f"{entry.advice}, which Dynamo does not start; {engine}")
            for entry in _trtllm()
        ),
        strangers=(
            _dynamo_frontend(),
            *_all_of_vllm(),
            _sglang(),
            _llama_cpp(),
            *_dynamo_workers("vllm", "sglang"),
        ),
        prefixes=("trtllm.",),
    )


def without_command_line(title: str, settings: FlagTable) -> Grammar:
    """For a provider that starts no engine itself and reads only keys of its own."""
    return Grammar(
        title=title,
        tables=(settings,),
        strangers=(_llama_cpp(), *_all_of_vllm(), _sglang(), *_trtllm()),
    )


def _vllm(version: str, part: str) -> FlagTable:
    return stored_table("vllm", version, part, title=f"vLLM {version}")


def _other_releases(version: str) -> tuple[Elsewhere, ...]:
    others = [other for other in reversed(VLLM_VERSIONS) if other != version]
    return tuple(
        Elsewhere(
            _vllm(other, part), f"is a flag of vLLM {other}, not of {version}: name an image that has it"
        )
        for other in others
        for part in ("engine", "frontend")
    )


def _all_of_vllm() -> tuple[Elsewhere, ...]:
    return tuple(
        Elsewhere(_vllm(version, part), "is a flag of vLLM")
        for version in reversed(VLLM_VERSIONS)
        for part in ("engine", "frontend")
    )


def _sglang() -> Elsewhere:
    table = stored_table("sglang", DYNAMO_SGLANG, "server", title=f"SGLang {DYNAMO_SGLANG}")
    return Elsewhere(table, "is a flag of SGLang")


def _trtllm() -> tuple[Elsewhere, ...]:
    table = stored_table("trtllm", TRTLLM_COMMIT, "server", title="trtllm-serve")
    return (Elsewhere(table, "is a flag of trtllm-serve"),)


def _llama_cpp() -> Elsewhere:
    table = stored_table("llamacpp", LLAMA_CPP, "server", title="llama.cpp")
    return Elsewhere(table, "is a flag of llama.cpp")


def _dynamo(part: str) -> FlagTable:
    return stored_table("dynamo", DYNAMO, part, title=f"Dynamo {DYNAMO}")


def _dynamo_frontend() -> Elsewhere:
    return Elsewhere(_dynamo("frontend"), "is a flag of Dynamo's frontend, not of its workers")


def _dynamo_workers(*engines: str) -> tuple[Elsewhere, ...]:
    found = [Elsewhere(_dynamo(engine), f"is a flag of dynamo.{engine}") for engine in engines]
    return (*found, Elsewhere(_dynamo("runtime"), "is a flag of Dynamo's workers"))
