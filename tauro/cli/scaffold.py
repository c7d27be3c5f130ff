"""Makes a new project from the template that is shipped beside this module.

The template in `templates/project` is itself a working project called `my_project`; a copy has that word replaced by
the new project's name. `gitignore.txt` stands for `.gitignore`, which would act on the template's own files.
"""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from tauro.errors import InvalidValueError

TEMPLATE_NAME = "my_project"
RENAMED = {"gitignore.txt": ".gitignore", TEMPLATE_NAME: "{package}"}
TAKEN = {"config", "data", "output", "tests", "tauro", "pyspark", "delta"}
"""Names that the project's other folders, or the packages it runs on, have already."""


def write_project(target: Path) -> list[Path]:
    """Writes a new project into the folder `target`, which is made if need be.

    Args:
        target: the project's folder; its name, with `-`, `.` and blanks as `_`, becomes the name of the Python package.

    Returns:
        The files written, in order of their paths.

    Raises:
        InvalidValueError: the folder holds something already, is a file, or its name can't name a package.
    """
    package = package_name(target)
    if target.exists() and not target.is_dir():
        raise InvalidValueError(f"{target} is a file", fix="name a new folder")
    if target.is_dir() and any(target.iterdir()):
        raise InvalidValueError(f"the folder {target} is not empty", fix="name a new or an empty folder")
    written = _copy(files("tauro.cli") / "templates" / "project", target, package)
    return sorted(written)


def package_name(target: Path) -> str:
    """The name of the Python package of a project in the folder `target`.

    Raises:
        InvalidValueError: it is no Python identifier, or a name that is taken.
    """
    folder = target.resolve().name
    name = re.sub(r"[-.\s]+", "_", folder).strip("_").lower()
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InvalidValueError(
            f"{folder!r} can't name a Python package",
            fix="choose letters, digits and underscores, a letter first: my_project",
        )
    if name in TAKEN or name in sys.stdlib_module_names:
        raise InvalidValueError(f"the name {name!r} is taken by another package or folder", fix=f"try '{name}_project'")
    return name


def _copy(source: Traversable, target: Path, package: str) -> list[Path]:
    """Copies a folder of the template, with names and texts filled in; returns the files written."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for item in source.iterdir():
        if item.name == "__pycache__":
            continue
        place = target / RENAMED.get(item.name, item.name).format(package=package)
        if item.is_dir():
            written += _copy(item, place, package)
        else:
            place.write_text(item.read_text("utf-8").replace(TEMPLATE_NAME, package), "utf-8")
            written.append(place)
    return written
