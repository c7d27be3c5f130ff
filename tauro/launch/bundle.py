"""A project's files, or Tauro's own, in one zip file that Spark takes to a cluster."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tauro.errors import InvalidValueError
from tauro.launch.cache import cache_folder
from tauro.launch.submit.unpacked import CODE, PROJECT

LARGEST_BYTES = 200 * 1024**2
"""What is more than a project's code and configuration is not sent to a cluster."""

_TAURO = Path(__file__).parents[1]
_KEPT_S = 7 * 24 * 3600.0
"""How long a bundle stays after its last use: a session may hand it out as long as it lives."""
_SKIPPED = frozenset({"__pycache__", "_tauro", "metastore_db", "node_modules", "spark-warehouse"})
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The time of every file, so that the same files make the same bundle."""


def code_bundle(root: Path, environment: Mapping[str, str], without: Collection[Path] = ()) -> Path:
    """The project's modules, with what lies beside them in their packages: what executors import.

    Args:
        root: the project's folder.
        environment: tells where bundles are kept.
        without: folders that are left out, such as the one that outputs go to.

    Raises:
        InvalidValueError: it is too large.
    """
    found = (path for path in _files(root, without) if _is_code(path, root))
    return _bundle(_read(root, found), f"{root.name}-code", environment)


def project_bundle(root: Path, environment: Mapping[str, str], without: Collection[Path] = ()) -> Path:
    """The whole project: what a driver on another machine needs.

    Hidden files, virtual environments and what runs leave behind are not in it.

    Args:
        root: the project's folder.
        environment: tells where bundles are kept.
        without: folders that are left out, such as those of inputs, outputs and secrets.

    Raises:
        InvalidValueError: it is too large.
    """
    return _bundle(_read(root, _files(root, without)), f"{root.name}-project", environment)


def driver_bundle(root: Path, environment: Mapping[str, str], without: Collection[Path] = ()) -> Path:
    """The whole project with Tauro, as a program: Python runs the file, in whose working directory it unpacks itself.

    Spark carries it to the driver of a standalone cluster as what it calls the application's jar.

    Args:
        root: the project's folder.
        environment: tells where bundles are kept.
        without: folders that are left out, such as those of inputs, outputs and secrets.

    Raises:
        InvalidValueError: it is too large.
    """
    contents = {"__main__.py": (Path(__file__).parent / "submit" / "unpacked.py").read_bytes()}
    contents |= {f"{CODE}/{name}": content for name, content in _read(_TAURO.parent, _files(_TAURO, ())).items()}
    contents |= {f"{PROJECT}/{name}": content for name, content in _read(root, _files(root, without)).items()}
    return _bundle(contents, f"{root.name}-driver", environment, suffix=".jar")


def tauro_bundle(environment: Mapping[str, str]) -> Path | None:
    """Tauro's own modules; None where they were imported from such a bundle.

    Args:
        environment: tells where bundles are kept.
    """
    if not _TAURO.is_dir():
        return None
    return _bundle(_read(_TAURO.parent, _files(_TAURO, ())), "tauro", environment)


def _files(root: Path, without: Collection[Path]) -> Iterator[Path]:
    """The files below a folder, in a fixed order."""
    left_out = {os.path.normpath(path) for path in without} - {str(root)}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _is_wanted(Path(folder, name), left_out))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and not name.endswith((".pyc", ".pyo")) and path.is_file():
                yield path


def _is_wanted(folder: Path, left_out: Collection[str]) -> bool:
    name = folder.name
    is_left_out = name.startswith(".") or name in _SKIPPED or name.endswith(".egg-info") or str(folder) in left_out
    return not is_left_out and not (folder / "pyvenv.cfg").exists()


def _is_code(path: Path, root: Path) -> bool:
    """Whether a file is a module that can be imported from `root`, or belongs to a package."""
    folders = path.relative_to(root).parts[:-1]
    if not all(name.isidentifier() for name in folders):
        return False
    return path.suffix == ".py" or (bool(folders) and (path.parent / "__init__.py").exists())


def _read(root: Path, files: Iterable[Path]) -> dict[str, bytes]:
    """The contents of files below a folder, by their paths from there.

    Raises:
        InvalidValueError: they are too large.
    """
    sizes = {path: path.stat().st_size for path in files}
    size = sum(sizes.values())
    if size > LARGEST_BYTES:
        raise InvalidValueError(
            f"{root} is too large to be sent to a cluster: {size // 1024**2} MiB in {len(sizes)} files, "
            f"the largest of which is {max(sizes, key=sizes.__getitem__)}",
            fix="keep data out of the project's folder, or below its input_path or output_path",
        )
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sizes}


def _bundle(contents: Mapping[str, bytes], kind: str, environment: Mapping[str, str], *, suffix: str = ".zip") -> Path:
    """The zip file with these contents, made unless it is there."""
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    stem = re.sub(r"[^A-Za-z0-9.-]", "_", kind)
    folder = bundles_folder(environment)
    bundle = folder / f"{stem}-{digest.hexdigest()[:16]}{suffix}"
    if bundle.exists():
        os.utime(bundle)
        return bundle
    _drop_old(folder)
    number, unfinished = tempfile.mkstemp(prefix=".bundle-", dir=folder)
    try:
        with os.fdopen(number, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            for name, content in contents.items():
                archive.writestr(zipfile.ZipInfo(name, _WHEN), content, zipfile.ZIP_DEFLATED)
        os.replace(unfinished, bundle)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    return bundle


def bundles_folder(environment: Mapping[str, str]) -> Path:
    """Where bundles are kept: a folder that is there.

    Args:
        environment: names the cache.
    """
    cache = cache_folder(environment)
    folder = cache / "bundles" if cache is not None else Path(tempfile.mkdtemp(prefix="tauro-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _drop_old(folder: Path) -> None:
    now = time.time()
    for path in folder.iterdir():
        with suppress(OSError):
            if now - path.stat().st_mtime > _KEPT_S:
                path.unlink()
