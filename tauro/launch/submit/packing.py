"""A whole Python environment in one archive, for machines that have none with what a project needs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from tauro.errors import InvalidValueError, MissingExtraError, SessionError
from tauro.launch.cache import cache_folder

TOOLS = {"venv": "venv_pack", "conda": "conda_pack"}
"""What packs each kind of environment."""


def packed_environment(asked: str, environment: Mapping[str, str], *, makes: bool = True) -> Path:
    """The archive that `--pack` stands for.

    Args:
        asked: `venv` or `conda` for the environment that runs now, packed once for what is installed in it; or an
            archive that is there already.
        environment: tells where archives are kept.
        makes: whether one is made that is not there.

    Raises:
        InvalidValueError: there is no such archive, or this Python runs in no such environment.
        MissingExtraError: the tool that packs it is not installed.
        SessionError: it could not be packed.
    """
    if asked not in TOOLS:
        archive = Path(asked).absolute()
        if not archive.is_file() or not archive.name.endswith((".tar.gz", ".tgz", ".zip", ".tar")):
            raise InvalidValueError(
                f"there is no archive {asked}",
                where="--pack",
                fix="name a .tar.gz that venv-pack or conda-pack has made, or say venv, or conda",
            )
        return archive
    _refuse_other_kind(asked)
    cache = cache_folder(environment)
    folder = cache / "environments" if cache is not None else Path(tempfile.mkdtemp(prefix="tauro-"))
    archive = folder / f"{asked}-{_digest()}.tar.gz"
    if makes and not archive.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _pack(TOOLS[asked], archive)
    return archive


def _refuse_other_kind(asked: str) -> None:
    is_conda = (Path(sys.prefix) / "conda-meta").is_dir()
    is_venv = sys.prefix != sys.base_prefix
    if (asked == "conda") != is_conda or (asked == "venv" and not is_venv):
        raise InvalidValueError(
            f"{sys.prefix} is no {asked} environment",
            where="--pack",
            fix="--pack conda" if is_conda else "--pack venv" if is_venv else "run tauro from a virtual environment",
        )
    if find_spec(TOOLS[asked]) is None:
        raise MissingExtraError(TOOLS[asked].replace("_", "-"), "cluster", needed_for=f"--pack {asked}")


def _pack(tool: str, archive: Path) -> None:
    unfinished = archive.with_name(f".{os.getpid()}-{archive.name}")
    command = [sys.executable, "-m", tool, "--prefix", sys.prefix, "--output", str(unfinished), "--quiet"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SessionError(
                f"{sys.prefix} could not be packed:\n{(done.stderr or done.stdout).strip()[-2000:]}",
                fix="packages that are installed as editable can't be packed: install them as they are",
            )
        os.replace(unfinished, archive)
    finally:
        unfinished.unlink(missing_ok=True)


def _digest() -> str:
    """Of what is installed: another set of packages makes another archive."""
    installed = sorted((one.metadata["Name"] or "", one.version) for one in distributions())
    told = [sys.prefix, sys.version, installed]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
