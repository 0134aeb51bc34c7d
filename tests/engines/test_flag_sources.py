"""The readers of engines' sources, on small sources of each form."""

from __future__ import annotations

from pathlib import Path

from tools.generate import engine_flags
from tools.generate.flag_sources import llama_cpp
from tools.generate.flag_sources.annotations import Classes
from tools.generate.flag_sources.argument_calls import Calls, Flag

CONFIG = """
Mode = Literal["a", "b"]
Rank = Literal[8, 16]
Sizes: TypeAlias = list[int]

@dataclass
class Inner:
    x: int = 0

@config(extra=1)
class Base:
    inherited: bool = False

@config
class Model(Base):
    name: str = "x"
    eager: bool | None = None
    mode: Mode = "a"
    rank: Rank = 8
    size: Optional[int] = None
    ratio: float = 0.5
    names: str | list[str] | None = None
    sizes: Sizes | None = None
    inner: Inner | None = None
    extra: "dict[str, Any]" = None
    overrides: Annotated[dict[str, Any] | Callable, 1] = None
    token: bool | str | None = None
"""
ENGINE = """
class EngineArgs:
    def add_cli_args(parser):
        model_kwargs = get_kwargs(Model)
        model_kwargs["overrides"]["type"] = json.loads
        group.add_argument("--name", "-n", **model_kwargs["name"])
        group.add_argument("--eager", **model_kwargs["eager"])
        group.add_argument("--sizes", **{**model_kwargs["sizes"], "default": None})
        group.add_argument("--overrides", **model_kwargs["overrides"])
        parser.add_argument("--plain_switch", action="store_true")
        parser.add_argument("--both", action=argparse.BooleanOptionalAction)
        parser.add_argument("--number", type=int)
        parser.add_argument("--many", nargs="+", type=int)
        parser.add_argument("--words", nargs="*")
        parser.add_argument("--again", action="append")
        parser.add_argument("--maybe", nargs="?")
        parser.add_argument("--document", type=json.loads)
        parser.add_argument("positional")
"""
DYNAMO = """
class Group:
    def add_arguments(self, parser):
        add_argument(g, flag_name="--endpoint", obsolete_flag="--dyn-endpoint", help="x")
        add_argument(g, flag_name="--size", arg_type=int)
        add_argument(g, flag_name="--parts", nargs="*")
        add_negatable_bool_argument(g, flag_name="--enable-rl")
"""
CLICK = """
@click.option("--tp_size", "--tensor_parallel_size", type=int)
@click.option("--trust", is_flag=True)
@click.option("--dirs", type=click.Path(exists=True), multiple=True)
def serve(): ...
"""
LLAMA = """
    add_opt(common_arg(
        {"-c", "--ctx-size"}, "N",
        "see [the manual](https://example.com)",
        [](common_params & params, int value) { }
    ));
    add_opt(common_arg({"--jinja"}, {"--no-jinja"}, "x", [](common_params & params, bool value) { }));
    add_opt(common_arg({"--verbose"}, "x", [](common_params & params) { }));
    add_opt(common_arg(
        {"--only-bench"}, "x", [](common_params & params) { }
    ).set_examples({LLAMA_EXAMPLE_BENCH}));
    add_opt(common_arg({"-m", "--model"}, "F", "x", [](common_params & p, const std::string & v) { }));
"""


def saved(folder: Path, text: str, name: str = "source.py") -> Path:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target


def kinds(flags: list[Flag]) -> dict[str, str]:
    return {names[0]: kind for kind, names in flags}


def test_the_type_of_a_field_tells_the_kind_of_its_flag(tmp_path: Path) -> None:
    found = Classes([saved(tmp_path, CONFIG)]).kinds("Model")

    assert found == {
        **{"inherited": "negatable", "name": "text", "eager": "negatable", "mode": "text", "rank": "number"},
        **{"size": "number", "ratio": "number", "names": "list", "sizes": "numbers", "inner": "json"},
        **{"extra": "json", "overrides": "text", "token": "optional"},
    }


def test_calls_of_argparse_tell_the_kind(tmp_path: Path) -> None:
    classes = Classes([saved(tmp_path, CONFIG, "config.py")])

    found = Calls([saved(tmp_path, ENGINE)], classes).flags("add_cli_args")

    assert kinds(found) == {
        **{"--name": "text", "--eager": "negatable", "--sizes": "numbers", "--overrides": "json"},
        **{"--plain_switch": "switch", "--both": "negatable", "--number": "number", "--many": "numbers"},
        **{"--words": "list", "--again": "repeated", "--maybe": "optional", "--document": "json"},
    }


def test_helpers_of_dynamo_and_options_of_click_are_read(tmp_path: Path) -> None:
    dynamo = Calls([saved(tmp_path, DYNAMO)]).flags("add_arguments")
    click = Calls([saved(tmp_path, CLICK, "serve.py")]).flags("serve")

    assert dynamo[0] == ("text", ["--endpoint", "--dyn-endpoint"])
    assert kinds(dynamo[1:]) == {"--size": "number", "--parts": "list", "--enable-rl": "negatable"}
    assert kinds(click) == {"--tp_size": "number", "--trust": "switch", "--dirs": "repeated"}


def test_what_only_another_program_of_llama_cpp_takes_is_left_out(tmp_path: Path) -> None:
    found = llama_cpp.flags(saved(tmp_path, LLAMA, "arg.cpp"))

    assert kinds(found) == {"-c": "number", "--jinja": "negatable", "--verbose": "switch", "-m": "text"}


def test_a_table_names_each_flag_once_by_its_first_long_name(tmp_path: Path) -> None:
    parts = {"server": Calls([saved(tmp_path, CLICK)]).flags("serve")}

    found = engine_flags.document("trtllm", "1", parts)["parts"]["server"]

    assert found["kinds"] == {"number": ["tp-size"], "repeated": ["dirs"], "switch": ["trust"]}
    assert found["aliases"] == {"--tensor-parallel-size": "tp-size"}
