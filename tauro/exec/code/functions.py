"""Finding the function that a node names, and what arguments it takes."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tauro.errors import ProjectError, did_you_mean

NodeFunction = Callable[..., Any]  # what users write: any arguments, any result
_FROM_SPARK = ("pyspark", "delta", "py4j")


class FunctionError(ProjectError, ImportError):
    """A node's function can't be had; `is_spark_missing` if only because pyspark is not installed."""

    def __init__(self, message: str, *, fix: str | None = None, is_spark_missing: bool = False) -> None:
        super().__init__(message, fix=fix)
        self.is_spark_missing = is_spark_missing


_current_root: str | None = None
"""The folder of the project whose modules are importable; None before the first."""
_packages: set[str] = set()
"""The top names of the modules that functions were taken from since."""


def import_from(root: Path) -> None:
    """Makes a project's own modules importable, before any others of the same name.

    The packages of another project that functions were taken from before are forgotten: two projects may well have
    modules of one name.
    """
    global _current_root
    folder = str(root)
    if folder == _current_root and folder in sys.path:
        return
    if _current_root is not None and folder != _current_root:
        below = _current_root + os.sep
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in _packages and (getattr(module, "__file__", None) or "").startswith(below):
                del sys.modules[name]
        _packages.clear()
        if _current_root in sys.path:
            sys.path.remove(_current_root)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    _current_root = folder


def load_function(path: str) -> NodeFunction:
    """The function at a dotted path such as `package.module.function`.

    Raises:
        FunctionError: there is no such module, importing it fails, it has no such attribute, or that is not callable.
    """
    module_name, dot, attribute = path.rpartition(".")
    if not dot:
        raise FunctionError(f"function {path!r} is no dotted path", fix=f"write it as module.{path}")
    _packages.add(module_name.partition(".")[0])
    try:
        module = sys.modules.get(module_name) or import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise FunctionError(
                f"function {path!r}: there is no module {missing!r}",
                fix="check the spelling, and that the file lies below the project's folder or is installed",
            ) from error
        raise FunctionError(
            f"function {path!r}: module {module_name!r} imports {missing!r}, which is not installed",
            fix="pip install 'tauro[spark]'" if missing.startswith(_FROM_SPARK) else f"install {missing!r}",
            is_spark_missing=missing.partition(".")[0] in _FROM_SPARK,
        ) from error
    except (Exception, SystemExit) as error:  # user code: a module's body may raise anything, or call sys.exit()
        raise FunctionError(
            f"function {path!r}: importing {module_name!r} fails: {type(error).__name__}: {error}{_line_of(error)}"
        ) from error
    try:
        function = getattr(module, attribute)
    except AttributeError as error:
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise FunctionError(
            f"function {path!r}: module {module_name!r} has no attribute {attribute!r}",
            fix=did_you_mean(attribute, known),
        ) from error
    if not callable(function):
        raise FunctionError(f"function {path!r} is not callable: it is of type {type(function).__name__}")
    return function  # type: ignore[no-any-return]  # callable() does not narrow Any


def _line_of(error: BaseException) -> str:
    """Where in the module it went wrong, as ` (file:line)`."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "importlib" not in code.co_filename and code.co_filename != __file__:
            place = f" ({code.co_filename}:{trace.tb_lineno})"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({error.filename}:{error.lineno})"
    return place


@dataclass(frozen=True, slots=True)
class Parameters:
    """The keyword arguments that a function takes."""

    names: frozenset[str]
    takes_any: bool
    """Whether it has `**kwargs`, or can't tell."""
    signature: inspect.Signature | None
    """None for functions written in C that do not tell."""

    def __contains__(self, name: str) -> bool:
        return self.takes_any or name in self.names


@lru_cache(maxsize=4096)
def parameters_of(function: NodeFunction) -> Parameters:
    """What `function` takes by keyword."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return Parameters(frozenset(), takes_any=False, signature=None)
    by_keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return Parameters(
        names=frozenset(name for name, one in signature.parameters.items() if one.kind in by_keyword),
        takes_any=any(one.kind is inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values()),
        signature=signature,
    )


def call_problem(function: NodeFunction, positional: int, keywords: Iterable[str]) -> str | None:
    """Why `function` can't be called with `positional` inputs and these keyword arguments; None if it can.

    The dates and `ml_context` are passed only where they are taken, so they are never at fault.
    """
    return _call_problem(function, positional, tuple(keywords))


@lru_cache(maxsize=4096)
def _call_problem(function: NodeFunction, positional: int, keywords: tuple[str, ...]) -> str | None:
    """As `call_problem`; in large projects many nodes call one function alike."""
    parameters = parameters_of(function)
    if parameters.signature is None:
        return None
    given: dict[str, None] = dict.fromkeys(keywords)
    given |= dict.fromkeys(name for name in ("start_date", "end_date", "ml_context") if name in parameters.names)
    try:
        parameters.signature.bind(*[None] * positional, **given)
    except TypeError as error:
        return f"{error}; its signature is {function_name(function)}{parameters.signature}"
    return None


def function_name(function: NodeFunction) -> str:
    """The name to show for a function, a class instance or a partial."""
    return getattr(function, "__name__", type(function).__name__)
