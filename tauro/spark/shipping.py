"""Sends a project's own code along with the functions that a Spark Connect server's workers are to run.

On this machine workers find the project's modules where they lie. A server's workers have no such folder: there a
user-defined function takes what it uses of these modules with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

_OTHERS = frozenset({"site-packages", "dist-packages"})
"""Folders of what is installed, perhaps below a project."""


def ship_modules(root: Path) -> None:
    """Has the functions of a project's imported modules pickled with their code rather than by name.

    Args:
        root: the project's folder; modules below it are its own, but for what is installed there.
    """
    from pyspark import cloudpickle

    ship: Callable[[ModuleType], None] = cloudpickle.register_pickle_by_value
    for module in list(_own_modules(root)):
        ship(module)


def _own_modules(root: Path) -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "__main__" or not isinstance(file, str) or module.__name__ != name:
            continue
        path = Path(file)
        if path.is_relative_to(root) and _OTHERS.isdisjoint(path.relative_to(root).parts):
            yield module
