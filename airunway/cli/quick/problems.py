"""Why the quick way is left. Nobody reads it: the general way says what is wrong, if anything is."""

from __future__ import annotations


class NotPlainError(Exception):
    """Something is not of the plain kind."""
