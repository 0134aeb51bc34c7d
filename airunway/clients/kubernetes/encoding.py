"""JSON that a YAML parser reads as well: what a server-side apply sends.

The API server parses an apply as YAML, and YAML's parser refuses the pair of escapes that JSON has for a
character beyond 16 bits (an emoji in a message or in a variable). Raw, it takes them; the few characters that
YAML does not take raw stay escaped.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Not printable for YAML, or a line break or byte order mark to it; below U+0020 JSON escapes all.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def yaml_from(value: Any) -> bytes:
    """A JSON value as UTF-8 text that is both JSON and YAML."""
    text = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
