"""How a command fails: one line for a person, and an exit status for a script.

    CliError            exit status 1: the answer is no
    └── UsageError      exit status 2: the command could not even try (missing file, not YAML)

Whatever else goes wrong outside (API server, Temporal, kubeconfig) is put into one line by `explain`.
"""

from __future__ import annotations


class CliError(Exception):
    """The command failed; the message is what a person needs."""

    exit_status = 1


class UsageError(CliError):
    """The command was called with something it cannot use."""

    exit_status = 2
