"""A list of deployments the quick way: Python's own modules and the core of Temporal's SDK, nothing else.

A list is asked for again and again, and most of its time went into loading libraries: settings, two clients,
the layout of tables. Only what is plain goes this way. For whatever is not (another command, an option that
is seldom given, a setting, a kubeconfig with a plugin, TLS to Temporal, any error) nothing is shown here, and
the general way does it all from the beginning and says what is wrong. So nothing is done here that the
general way does not do, and what is printed is printed by the same code.

    words.py        what was typed
    command.py      what is then done
    settings.py     what the environment says
    cluster.py      lists of the API server
    visibility.py   lists of Temporal; `messages.py` reads its answers
"""

from __future__ import annotations

from collections.abc import Sequence

from airunway.cli.quick.words import list_words


def shown_quickly(arguments: Sequence[str]) -> bool:
    """Whether a list was asked for and is shown. False: nothing is shown; the general way is to be taken."""
    words = list_words(arguments)
    if words is None:
        return False
    from airunway.cli.quick.command import show_list

    return show_list(words)


__all__ = ["shown_quickly"]
