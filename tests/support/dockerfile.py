"""A Dockerfile's instructions, and an image made of them in a folder, by the programs of this machine."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".tauro", "_tauro", "output", ".*_cache")


@dataclass(frozen=True)
class Instruction:
    """One instruction, its lines joined."""

    stage: str
    """The name of the stage that it belongs to; empty where that has none."""
    name: str
    """`RUN`, `COPY`, ..."""
    options: tuple[tuple[str, str], ...]
    """Name and value of each `--name=value`; the same name may be there more than once."""
    words: str
    """What follows."""

    def option(self, name: str) -> str | None:
        """The value of an option that may be there once."""
        return dict(self.options).get(name)

    def mounts(self) -> list[dict[str, str]]:
        """What a `RUN` sees for its time alone."""
        told = [value for name, value in self.options if name == "mount"]
        return [dict(part.split("=", 1) for part in value.split(",")) for value in told]


def instructions(path: Path) -> list[Instruction]:
    """The instructions of a Dockerfile, in order."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    found, stage = [], ""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        name, _, rest = line.strip().partition(" ")
        options = []
        while told := re.match(r"--([\w-]+)=(\S+)\s+", rest):
            options.append((told[1], told[2]))
            rest = rest[told.end() :]
        if name == "FROM":
            stage = rest.partition(" AS ")[2]
        if name:
            found.append(Instruction(stage, name, tuple(options), rest))
    return found


@dataclass
class Image:
    """An image without a base: all stages share one root, and there is one user.

    Args:
        root: the folder that stands for the image's `/`; the system's own folders are this machine's.
        context: the build's context.
        contexts: further ones by name, each in place of the stage of that name.
        environment: the variables of all programs.
    """

    root: Path
    context: Path
    contexts: Mapping[str, Path]
    environment: dict[str, str] = field(default_factory=dict)

    def inside(self, path: str) -> Path:
        """Where a path of the image lies."""
        return self.root / path.lstrip("/")

    def outside(self, words: str) -> str:
        """Words, with the places where the image's paths lie."""
        ours = r"(?<![\w.}/])(/(?:opt|project|checkout|docker|var/cache|run/secrets))\b"
        return re.sub(ours, rf"{self.root}\1", words)

    def do(self, one: Instruction) -> None:
        """Does what an instruction says, if it says what to do; fails with what its program has printed."""
        if one.stage in self.contexts:
            return
        if one.name == "COPY":
            self._copy(one)
        elif one.name == "ENV":
            for word in shlex.split(one.words):
                name, _, value = word.partition("=")
                self.environment[name] = self.outside(value).replace("$PATH", self.environment["PATH"])
        elif one.name == "ARG":
            name, _, value = one.words.partition("=")
            self.environment[name] = value
        elif one.name == "RUN":
            self._run(one)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """What a program prints; fails if it fails."""
        done = subprocess.run(
            command, cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=500, check=False
        )
        said = f"{shlex.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == 0, f"exit code {done.returncode}: {said}"
        return done.stdout

    def _copy(self, one: Instruction) -> None:
        *sources, target = one.words.split()
        stage = one.option("from")
        if stage is not None and stage not in self.contexts:
            return
        origin = self.context if stage is None else self.contexts[stage]
        self.inside(target).mkdir(parents=True, exist_ok=True)
        for source in sources:
            if (origin / source.lstrip("/")).is_file():
                shutil.copy2(origin / source, self.inside(target))
            else:
                shutil.copytree(origin / source.lstrip("/"), self.inside(target), ignore=_LEFT_OUT, dirs_exist_ok=True)

    def _run(self, one: Instruction) -> None:
        made = []
        for mount in one.mounts():
            if mount["type"] == "bind":
                origin = self.contexts[mount["from"]] if "from" in mount else self.context
                made.append(self.inside(mount["target"]))
                made[-1].symlink_to(origin / mount.get("source", ""))
        try:
            self.run("/bin/sh", "-c", self.outside(one.words))
        finally:
            for link in made:
                link.unlink()
