"""The words of a plain list: `list` or `status` with the options that are given every day. Pure.

The command line itself is declared in `cli/status.py`; a test has both read the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airunway.cli.formats import OutputFormat
from airunway.cli.short_options import without_signs

COMMANDS = ("list", "status")
_OPTIONS = {"-n": "--namespace", "-o": "--output"}
_VALUES = ("--namespace", "--output", "--kubeconfig", "--context")
_EVERYWHERE = ("--all-namespaces", "-A")


@dataclass(frozen=True, kw_only=True)
class ListWords:
    """What is to be listed, and how."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None
    everywhere: bool = False
    form: OutputFormat = OutputFormat.TABLE


def list_words(arguments: Sequence[str]) -> ListWords | None:
    """What the words after the program's name ask for; None: something else, or it is not for us to say."""
    if not arguments or arguments[0] not in COMMANDS:
        return None
    given, everywhere = dict[str, str](), False
    words = iter(without_signs(arguments[1:]))
    for word in words:
        if word in _EVERYWHERE:
            everywhere = True
            continue
        name, value = _option(word)
        if name not in _VALUES:
            return None
        value = next(words, None) if value is None else value
        if not value or value.startswith("-"):
            return None
        given[name] = value
    form = given.get("--output", OutputFormat.TABLE.value)
    if form not in set(OutputFormat):
        return None
    kubeconfig = given.get("--kubeconfig")
    return ListWords(
        kubeconfig=Path(kubeconfig) if kubeconfig else None,
        context=given.get("--context"),
        namespace=given.get("--namespace"),
        everywhere=everywhere,
        form=OutputFormat(form),
    )


def _option(word: str) -> tuple[str, str | None]:
    """An option's long name and its value; None: that is the next word."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return name, value if equals else None
    return _OPTIONS.get(word[:2], ""), word[2:] or None
