"""Helm's log lines as people want to read them. Pure.

The library gives `message key=value`, the command the same as `level=DEBUG msg="message" key=value`.
What Helm says about its own bookkeeping is left out.
"""

from __future__ import annotations

import json
import re

_TEXT_LOG = re.compile(r'^(?:time=\S+ )?level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+) ?(.*)$')
_BOOKKEEPING = re.compile(
    r"^(getting |preparing |using (server|client)-side|updating (release|status)|clearing |checking resources"
    r"|determined release|creating (release|upgraded|rolled)|performing |invalidate|purge requested"
    r"|ignoring delete failure|attempting to |put downloaded|set up default|found chart in cache"
    r"|creating resource\(s\)|error$|error error=|deleting release key|superseding |resetting values"
    r"|number of dependencies|original chart version|setting version|get the relation)"
)
_WARNING = re.compile(r"^[WEI]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] (.*)$")


def readable(raw: str) -> str:
    """The line to show; empty if it is not worth one."""
    line = raw.strip()
    if klog := _WARNING.match(line):
        line = klog[1]
    elif found := _TEXT_LOG.match(line):
        message = json.loads(found[2]) if found[2].startswith('"') else found[2]
        line = f"{message} {found[3]}".strip()
    return "" if _BOOKKEEPING.match(line) else line
