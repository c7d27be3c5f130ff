"""Programs of the tests' environment that check files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def complaints(tool: str, *arguments: str | Path) -> str:
    """What a program says of a file that it does not accept, and what it warns of; nothing if all is well."""
    command = [str(Path(sys.prefix) / "bin" / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).strip()
    return said or f"{tool} ended with {done.returncode}" if done.returncode else done.stderr.strip()
