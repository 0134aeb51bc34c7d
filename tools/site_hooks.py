"""Hooks of mkdocs: what a page of the repository needs to be one of the site.

Links to folders, and to files outside of docs/, become their path, as a site has no such pages; one that
leads nowhere is an error. Blocks marked `sh test` or `sh test up`, which the tests run, are shown as `sh`.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
_TESTED = re.compile(r"^(\s*```)sh test(?: up)?$", re.MULTILINE)
_log = logging.getLogger("mkdocs.hooks.site")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page as the site has it."""
    return for_site(markdown, source=f"docs/{page.file.src_uri}")


def for_site(markdown: str, *, source: str) -> str:
    """A page's text. `source`: its path in the repository."""

    def shown(found: re.Match[str]) -> str:
        text, link = found[1], found[2]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        if target.startswith("docs/") and not (ROOT / target).is_dir():
            return found[0]
        if not (ROOT / target).exists():
            _log.warning("%s links to %s, which does not exist", source, link)
        return f"{text} (`{target}`)"

    return _TESTED.sub(r"\1sh", _LINK.sub(shown, markdown))
