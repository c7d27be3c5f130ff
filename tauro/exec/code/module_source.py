"""The source that a loaded module came from: its statements without comments, layout and docstrings."""

from __future__ import annotations

import ast
import linecache
import site
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, cast

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_OURS = str(Path(__file__).parent.parent)


class ModuleSource:
    """A module's source, parsed.

    Args:
        file: the module's file, as its code objects name it.
        text: what is in it.

    Raises:
        SyntaxError, ValueError: it is no Python.
    """

    def __init__(self, file: str, text: str) -> None:
        self._tree = ast.parse(text)
        self._codes: dict[tuple[int, str], CodeType] = {}
        self._definitions: dict[tuple[int, str], _Definition] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        self._collect_codes(compile(self._tree, file, "exec", dont_inherit=True))
        _drop_docstring(self._tree)
        self._collect(self._tree.body, "")
        self._statements: dict[str, list[ast.stmt]] | None = None

    def function(self, code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The definition of a function; None if it is a lambda, or the source is no longer what was loaded."""
        key = (code.co_firstlineno, code.co_name)
        found = self._definitions.get(key)
        if isinstance(found, ast.ClassDef) or self._codes.get(key) != code:
            return None
        return found

    def class_(self, qualname: str) -> ast.ClassDef | None:
        """The definition of a class; None if there is none of that name."""
        return self._classes.get(qualname)

    def statements(self, name: str) -> list[ast.stmt]:
        """The statements of the module's own level that give `name` a value, or do something with it."""
        if self._statements is None:
            self._statements = {}
            for statement in self._tree.body:
                for one in dict.fromkeys(_mentioned(statement)):
                    self._statements.setdefault(one, []).append(statement)
        return self._statements.get(name, [])

    def imports(self) -> Iterator[tuple[str, int]]:
        """The modules that are imported anywhere in it, with the number of dots in front."""
        return imports_in(self._tree)

    def text(self) -> str:
        """All of it."""
        return text_of(self._tree)

    def _collect_codes(self, code: CodeType) -> None:
        for const in code.co_consts:
            if isinstance(const, CodeType):
                self._codes[const.co_firstlineno, const.co_name] = const
                self._collect_codes(const)

    def _collect(self, body: list[ast.stmt], prefix: str) -> None:
        for statement in body:
            if not isinstance(statement, _DEFINITIONS):
                for inner in _blocks(statement):
                    self._collect(inner, prefix)
                continue
            first = min([statement.lineno, *(one.lineno for one in statement.decorator_list)])
            self._definitions[first, statement.name] = statement
            _drop_docstring(statement)
            if isinstance(statement, ast.ClassDef):
                self._classes[f"{prefix}{statement.name}"] = statement
                self._collect(statement.body, f"{prefix}{statement.name}.")
            else:
                self._collect(statement.body, f"{prefix}{statement.name}.<locals>.")


def text_of(node: ast.AST) -> str:
    """A piece of source as text that neither comments nor layout change; as `ast.dump`, in a quarter of the time."""
    parts: list[str] = []
    _write(node, parts)
    return "".join(parts)


def names_in(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """The names that a piece of source reads, with the attributes that follow: `a.b.c` is (a, b, c)."""
    if isinstance(node, ast.Attribute):
        chain = [node.attr]
        inner = node.value
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield (inner.id, *reversed(chain))
            return
    elif isinstance(node, ast.Name):
        yield (node.id,)
        return
    for child in ast.iter_child_nodes(node):
        yield from names_in(child)


def imports_in(node: ast.AST) -> Iterator[tuple[str, int]]:
    """The modules that a piece of source imports, or may import, with the number of dots in front."""
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            yield from ((alias.name, 0) for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            base = one.module or ""
            yield base, one.level
            yield from ((f"{base}.{alias.name}" if base else alias.name, one.level) for alias in one.names)


def read_source(file: str, namespace: dict[str, Any] | None) -> ModuleSource | None:
    """The source in a file, in an archive or in a notebook's cell; None if there is none.

    Args:
        file: as code objects name it.
        namespace: the module's, which knows where it was loaded from.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        text = "".join(linecache.getlines(file, namespace))
    try:
        return ModuleSource(file, text) if text.strip() else None
    except (SyntaxError, ValueError, RecursionError):
        return None


@lru_cache(maxsize=65536)
def is_installed(file: str) -> bool:
    """Whether a module's file is Python's own, Tauro's or an installed package's, and so none of a project's."""
    if file.startswith("<frozen") or "/site-packages/" in file or "/dist-packages/" in file:
        return True
    return file.startswith(_installed_roots())


@lru_cache(maxsize=1)
def _installed_roots() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*site.getsitepackages(), site.getusersitepackages(), _OURS}
    return tuple(sorted(f"{path.rstrip('/')}/" for path in paths if path))


def _mentioned(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module is about: a definition is about its own name alone."""
    if isinstance(statement, _DEFINITIONS):
        yield statement.name
        for decorator in statement.decorator_list:
            yield from (chain[0] for chain in names_in(decorator))
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, _DEFINITIONS):
            yield node.name


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        block = getattr(statement, field, None)
        if isinstance(block, list):
            yield block
    for handler in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield handler.body


def _drop_docstring(node: _Definition | ast.Module) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]


def _write(node: object, parts: list[str]) -> None:
    if isinstance(node, ast.AST):
        kind = node.__class__
        parts.append(f"{kind.__name__}(")
        for field in kind._fields:
            if field != "ctx":  # where a name stands says it
                _write(getattr(node, field, None), parts)
        parts.append(")")
    elif node.__class__ is list:
        parts.append("[")
        for one in cast("list[object]", node):
            _write(one, parts)
        parts.append("]")
    else:
        parts.append(f"{node!r},")
