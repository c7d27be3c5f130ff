"""Has processes of Tauro kill themselves at durable steps: Python imports this by itself from a folder on its path.

`TAURO_TESTS_KILLS` names a folder whose files say when, each once: `files.write.3` is the third such step that a
process takes. The process removes the file, and is gone.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

_folder = os.environ.get("TAURO_TESTS_KILLS")
if _folder:
    with suppress(ImportError):  # this Python has no Tauro
        from tauro.storage import steps

        _taken: Counter[str] = Counter()

        def _kill(name: str) -> None:
            _taken[name] += 1
            with suppress(FileNotFoundError):
                (Path(_folder) / f"{name}.{_taken[name]}").unlink()
                os.kill(os.getpid(), signal.SIGKILL)

        steps.watch(_kill)
