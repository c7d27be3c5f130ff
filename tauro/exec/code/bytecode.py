"""What a function's bytecode tells: the global names that it looks up, and a text where its source is not to be had."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from inspect import CO_NEWLOCALS
from types import CodeType

from tauro.exec.code.stable_text import stable_text

Chain = tuple[str, ...]
"""A name and the attributes that are taken of it at once: `a.b.c` is (a, b, c)."""

_GLOBAL, _NAME = dis.opmap["LOAD_GLOBAL"], dis.opmap["LOAD_NAME"]
_IMPORT = dis.opmap["IMPORT_NAME"]
_ATTRIBUTE, _METHOD = dis.opmap["LOAD_ATTR"], dis.opmap.get("LOAD_METHOD", -1)
_EXTENDED, _CACHE = dis.opmap["EXTENDED_ARG"], dis.opmap.get("CACHE", 0)
_ATTRIBUTE_SHIFT = 1 if sys.version_info >= (3, 12) else 0
_HAS_DOCSTRING = 0x4000000 if sys.version_info >= (3, 13) else 0


def looked_up(code: CodeType) -> Iterator[Chain]:
    """The global names that a function looks up, those of functions inside it too; may repeat."""
    names, extended = code.co_names, 0
    chain: Chain = ()
    bytecode = code.co_code
    for at in range(0, len(bytecode), 2):
        operation, argument = bytecode[at], bytecode[at + 1] | extended
        extended = 0
        if operation == _CACHE:
            continue
        if operation == _EXTENDED:
            extended = argument << 8
            continue
        if chain and operation == _ATTRIBUTE:
            chain = (*chain, names[argument >> _ATTRIBUTE_SHIFT])
            continue
        if chain and operation == _METHOD:
            chain = (*chain, names[argument])
            continue
        if chain:
            yield chain
            chain = ()
        if operation == _GLOBAL:
            chain = (names[argument >> 1],)
        elif operation == _NAME:
            chain = (names[argument],)
    if chain:
        yield chain
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from looked_up(const)


def has_imports(code: CodeType) -> bool:
    """Whether a function imports something while it runs."""
    return _IMPORT in code.co_code[::2] or any(
        isinstance(const, CodeType) and has_imports(const) for const in code.co_consts
    )


def code_text(code: CodeType) -> str:
    """A function as its bytecode, without docstring, names of files and numbers of lines."""
    consts = list(code.co_consts)
    is_function = bool(code.co_flags & CO_NEWLOCALS) and not code.co_name.startswith("<")
    has_docstring = bool(code.co_flags & _HAS_DOCSTRING) if _HAS_DOCSTRING else is_function
    if has_docstring and consts and isinstance(consts[0], str):
        consts[0] = None
    parts = (
        sys.version_info[:2],
        code.co_code,
        [code_text(one) if isinstance(one, CodeType) else one for one in consts],
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        code.co_exceptiontable,
    )
    return stable_text(parts)
