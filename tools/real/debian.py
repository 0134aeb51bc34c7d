"""Install what the real tier takes from Debian or Ubuntu, when it is missing and this may be done.

    python3 tools/real/debian.py

PostgreSQL (under Temporal's server), OpenSSL's command line (for kube-apiserver's keys), runc (which
BuildKit's daemon does not start without), Chromium (which reads the pages) and Prometheus' `promtool` (which
judges the alert rules). Running it again changes nothing. Elsewhere it only says what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def _has_postgres() -> bool:
    # Debian keeps the server's own programs off PATH.
    return bool(shutil.which("initdb")) or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


# package -> whether what it brings is there
NEEDED: dict[str, Callable[[], bool]] = {
    "postgresql": _has_postgres,
    "openssl": lambda: shutil.which("openssl") is not None,
    "runc": lambda: shutil.which("runc") is not None,
    "chromium": lambda: shutil.which("chromium") is not None,
    "prometheus": lambda: shutil.which("promtool") is not None,
}


def main() -> int:
    """Install the missing packages; the exit status says whether all is there."""
    absent = [package for package, is_there in NEEDED.items() if not is_there()]
    if not absent:
        print(f"there already: {', '.join(NEEDED)}")
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"error: missing {', '.join(absent)}; install it (needs root and apt here)", file=sys.stderr)
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *absent]):
        done = subprocess.run(["apt-get", *words], env=environment, check=False)
        if done.returncode:
            print(f"error: apt-get {words[0]} failed with status {done.returncode}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
