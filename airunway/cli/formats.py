"""How an answer may be printed. Apart from what prints, which a command that is only named does not need."""

from __future__ import annotations

from enum import StrEnum


class OutputFormat(StrEnum):
    """Output formats."""

    TABLE = "table"
    WIDE = "wide"
    """A table with more columns, where there are more."""
    YAML = "yaml"
    JSON = "json"
    NAME = "name"
    """Kind and name alone, a line each."""

    @property
    def is_table(self) -> bool:
        """Whether it is for people."""
        return self in (OutputFormat.TABLE, OutputFormat.WIDE)


class HistoryFormat(StrEnum):
    """Output formats of `airunway history`."""

    TABLE = "table"
    JSON = "json"
    """One list."""
    JSONL = "jsonl"
    """One object a line."""
