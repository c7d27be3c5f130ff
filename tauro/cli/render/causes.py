"""A printed traceback cut down to what its reader can change: frames of the user's own files, and each message."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import tauro

MESSAGE_LINES = 12
"""Lines of one exception's message that are shown; a JVM's stack trace has hundreds."""
FRAMES = 10
"""Frames of one traceback that are shown: the last ones."""

_FRAME = re.compile(r'^(?P<bars>[ |+-]*)File "(?P<file>[^"]+)", line \d+')
_OWN = str(Path(tauro.__file__).parent)
_LIBRARIES = tuple({sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")})


def shorten(trace: str) -> str:
    """`trace`, as Python prints it, with frames of Tauro and of installed libraries counted in place of shown.

    Where no frame is the user's, the last frame of each traceback stays. Long messages are cut.
    """
    return "\n".join(line for block in _blocks(trace.splitlines()) for line in _shorten_block(block))


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """One traceback a block, each beginning with its `Traceback` line."""
    block: list[str] = []
    for line in lines:
        if line.lstrip(" |+-").startswith("Traceback (most recent call last)") and block:
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _shorten_block(block: list[str]) -> Iterator[str]:
    if "Traceback (most recent call last)" not in block[0]:
        yield from _cut(block)
        return
    frames: list[list[str]] = []
    at = 1
    while at < len(block):
        if _FRAME.match(block[at]):
            frames.append([block[at]])
        elif frames and block[at].startswith("    "):
            frames[-1].append(block[at])
        else:
            break
        at += 1
    shown = [frame for frame in frames if _is_users(frame[0])] or frames[-1:]
    shown = shown[-FRAMES:]
    yield block[0]
    if hidden := len(frames) - len(shown):
        yield f"  ({hidden} of {len(frames)} frames hidden: Tauro's, libraries', or too many)"
    for frame in shown:
        yield from frame
    yield from _cut(block[at:])


def _cut(lines: list[str]) -> Iterator[str]:
    """A message; what joins it to the next traceback ('During handling of ...') is kept."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].startswith(_JOINTS)):
        end -= 1
    message, joint = lines[:end], lines[end:]
    yield from message[:MESSAGE_LINES]
    if len(message) > MESSAGE_LINES:
        yield f"... {len(message) - MESSAGE_LINES} more lines (--verbose shows them)"
    yield from joint


_JOINTS = ("During handling of the above exception", "The above exception was the direct cause")


def _is_users(line: str) -> bool:
    match = _FRAME.match(line)
    if match is None:
        return False
    file = match["file"]
    return not (file.startswith((_OWN, "<frozen")) or file.startswith(_LIBRARIES))
