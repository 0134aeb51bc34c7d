"""`airunway completion`: the script by which a shell completes the words of `airunway`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    """Shells with completion."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> None:
    """Print a shell's completion script, which also completes names of deployments and providers.

    For bash: source <(airunway completion bash). For zsh: save it as _airunway in a folder of $fpath. For
    fish: airunway completion fish | source. `kubectl airunway` is completed by kubectl itself.
    """
    from typer._completion_shared import get_completion_script

    from airunway.cli import output
    from airunway.cli.app import COMPLETION_VARIABLE

    script = get_completion_script(prog_name="airunway", complete_var=COMPLETION_VARIABLE, shell=shell.value)
    output.machine_text(script + "\n")
