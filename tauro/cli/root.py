"""Where the project of a call lies; known before anything heavier is imported."""

from __future__ import annotations

from pathlib import Path

from tauro.errors import ProjectError

MARK = "tauro.yml"


def find_root(project: str | None, here: Path | None = None) -> Path:
    """The project's folder.

    Args:
        project: --project: the folder, or its tauro.yml; None to look in `here` and its parents.
        here: where to begin; the current folder if None.

    Raises:
        ProjectError: there is no tauro.yml.
    """
    if project is not None:
        root = Path(project).absolute()
        root = root.parent if root.name == MARK else root
        if not (root / MARK).is_file():
            raise ProjectError(
                f"{project} has no {MARK}", where="--project", fix=f"name the folder that holds the {MARK}"
            )
        return root
    here = (here or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if (folder / MARK).is_file():
            return folder
    raise ProjectError(
        f"no {MARK} in {here} or a folder above it",
        fix="go to a project, name one with --project DIR, or make one with: tauro init DIR",
    )
