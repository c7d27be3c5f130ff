"""All of a project's own code that a function reaches, as a digest that nothing but a change of it changes.

A function is told by its definition and by the names that it looks up; a name by its value, where that has a stable
text, and else by the statements of its module that make it. Where it can't be seen what is reached, all of the module
counts, and all that it imports. Of installed packages nothing is told but their names.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from importlib.util import resolve_name
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from tauro.exec.code.bytecode import Chain, code_text, has_imports, looked_up
from tauro.exec.code.module_source import ModuleSource, imports_in, is_installed, names_in, read_source, text_of
from tauro.exec.code.stable_text import UnstableError, stable_text

# Any, in this module: whatever a user's modules hold
Reference = tuple[str, str]
"""A module and a name in it; an empty name stands for all of the module."""
References = dict[Reference, None]
_DYNAMIC = frozenset({"__import__", "eval", "exec", "getattr", "globals", "import_module", "importlib", "vars"})
"""What finds code by names that can't be seen."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """What is told of one name."""

    digest: bytes
    references: tuple[Reference, ...]


class ReachedCode:
    """The code that functions reach; looks at each name once.

    Args:
        own: the top names of packages that count as the project's even where they are installed.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._own = frozenset(own)
        self._things: dict[Reference, _Thing] = {}
        self._sources: dict[str, ModuleSource | None] = {}
        self._files: dict[str, str | None] = {}
        self._namespaces: dict[str, Mapping[str, Any]] = {}
        self._under_way: set[int] = set()

    def digest(self, path: str) -> str:
        """A digest of the function at a dotted path, whose module is loaded, and of all that it reaches."""
        module, _, name = path.rpartition(".")
        waiting: list[Reference] = [(module, name)]
        reached: dict[Reference, bytes] = {}
        while waiting:
            one = waiting.pop()
            if one in reached:
                continue
            thing = self._things.get(one)
            if thing is None:
                thing = self._things[one] = self._look(*one)
            reached[one] = thing.digest
            waiting += [other for other in thing.references if other not in reached]
        total = blake2b(digest_size=16)
        for (module, name), digest in sorted(reached.items()):
            total.update(f"{module}\0{name}\0".encode(errors="surrogatepass") + digest)
        return total.hexdigest()

    def _look(self, module: str, name: str) -> _Thing:
        references: References = {}
        try:
            text = self._name(module, name, references) if name else self._whole(module, references)
        except RecursionError:  # an expression of a thousand terms, say
            text = _content(self._file(module))
        return _Thing(blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest(), tuple(references))

    def _name(self, module: str, name: str, references: References) -> str:
        namespace = self._namespace(module)
        if name not in namespace:
            return "unknown"
        try:
            return self._value(namespace[name], references)
        except UnstableError:
            return self._made(module, name, references)

    def _value(self, value: Any, references: References) -> str:
        """A value as text.

        Raises:
            UnstableError: it has none that is the same in every process.
        """
        return stable_text(value, partial(self._other, references=references))

    def _other(self, value: Any, references: References) -> str:
        """What is no plain value, as text."""
        match value:
            case FunctionType():
                return self._function(value, references)
            case type():
                return self._class(value, references)
            case MethodType():
                return f"{self._value(value.__self__, references)}.{value.__func__.__name__}"
            case partial():
                return f"partial {self._value([value.func, value.args, value.keywords], references)}"
            case ModuleType():
                if self._is_own(value.__name__, getattr(value, "__file__", None)):
                    references[value.__name__, ""] = None
                return f"module {value.__name__}"
            case BuiltinFunctionType() if isinstance(value.__self__, ModuleType):
                return f"builtin {value.__self__.__name__}.{value.__name__}"
        raise UnstableError(type(value).__name__)

    def _function(self, function: FunctionType, references: References) -> str:
        code, module = function.__code__, function.__globals__.get("__name__", "")
        if not self._is_own(module, code.co_filename):
            if function.__closure__:
                raise UnstableError("a decorator's function")
            return f"installed {module}.{function.__qualname__}"
        if id(function) in self._under_way:
            return "itself"
        self._under_way.add(id(function))
        try:
            return self._own_function(function, module, references)
        finally:
            self._under_way.discard(id(function))

    def _own_function(self, function: FunctionType, module: str, references: References) -> str:
        code = function.__code__
        self._namespaces.setdefault(module, function.__globals__)
        source = self._source(code.co_filename, module)
        definition = source.function(code) if source is not None else None
        for chain in looked_up(code):
            self._refer(module, chain, references)
        if definition is None:
            text = code_text(code)
            if has_imports(code):
                references[module, ""] = None
        else:
            text = text_of(definition)
            for decorator in definition.decorator_list:
                self._refer_all(module, decorator, references)
            if has_imports(code):
                self._import_all(module, definition, references)
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        held = [(name, self._held(cell, references)) for name, cell in cells]
        defaults = [function.__defaults__, function.__kwdefaults__, function.__dict__.get("__wrapped__")]
        return f"{text} {held} {self._value(defaults, references)}"

    def _held(self, cell: Any, references: References) -> str:
        try:
            value = cell.cell_contents
        except ValueError:
            return "nothing"
        return self._value(value, references)

    def _class(self, cls: type, references: References) -> str:
        module = cls.__module__
        file = getattr(sys.modules.get(module), "__file__", None)
        if not self._is_own(module, file):
            return f"installed {module}.{cls.__qualname__}"
        source = self._source(file or "", module)
        definition = source.class_(cls.__qualname__) if source is not None else None
        if source is None or definition is None:
            raise UnstableError("a class without a definition")
        self._refer_all(module, definition, references)
        self._import_all(module, definition, references)
        changed = [
            code_text(one.__code__)
            for one in vars(cls).values()
            if isinstance(one, FunctionType) and one.__code__.co_filename == file and not source.function(one.__code__)
        ]
        return f"{text_of(definition)} {changed}"

    def _made(self, module: str, name: str, references: References) -> str:
        """The statements of a module that make what it calls `name`; all of the module if there are none."""
        source = self._source(self._file(module) or "", module)
        statements = source.statements(name) if source is not None else []
        if not statements:
            references[module, ""] = None
        for statement in statements:
            self._refer_all(module, statement, references, but=name)
            if isinstance(statement, ast.ImportFrom):
                base = self._absolute(module, statement.module or "", statement.level)
                for alias in statement.names:
                    if (alias.asname or alias.name) == name and base is not None and self._is_own(base):
                        references[base, alias.name] = None
            else:
                self._import_all(module, statement, references)
        return " ".join(map(text_of, statements))

    def _whole(self, module: str, references: References) -> str:
        """All of a module of the project; nothing of others."""
        file = self._file(module)
        if file is None or not self._is_own(module, file):
            return ""
        source = self._source(file, module)
        if source is None:
            return _content(file)
        for name, level in source.imports():
            self._import(module, name, level, references)
        return source.text()

    def _refer_all(self, module: str, node: ast.AST, references: References, but: str = "") -> None:
        for chain in names_in(node):
            if chain != (but,):
                self._refer(module, chain, references)

    def _refer(self, module: str, chain: Chain, references: References) -> None:
        """Notes what a name in a module stands for, followed through the project's modules."""
        namespace = self._namespace(module)
        name = chain[0]
        if name in _DYNAMIC or chain[:2] == ("sys", "modules"):
            references[module, ""] = None
        if name not in namespace:
            return
        value = namespace[name]
        at = 1
        while isinstance(value, ModuleType) and self._is_own(value.__name__, getattr(value, "__file__", None)):
            module, namespace = value.__name__, vars(value)
            if at == len(chain) or chain[at] not in namespace:
                references[module, ""] = None
                return
            name = chain[at]
            value = namespace[name]
            at += 1
        references[module, name] = None

    def _import_all(self, module: str, node: ast.AST, references: References) -> None:
        """Notes the modules of the project that a piece of source imports: all of each."""
        for name, level in imports_in(node):
            self._import(module, name, level, references)

    def _import(self, module: str, name: str, level: int, references: References) -> None:
        absolute = self._absolute(module, name, level)
        if absolute is not None and self._is_own(absolute):
            references[absolute, ""] = None

    def _absolute(self, module: str, name: str, level: int) -> str | None:
        if not level:
            return name
        namespace = self._namespace(module)
        package = namespace.get("__package__") or module.rpartition(".")[0]
        try:
            return resolve_name("." * level + name, package)
        except ImportError:
            return None

    def _namespace(self, module: str) -> Mapping[str, Any]:
        loaded = sys.modules.get(module)
        return self._namespaces.get(module) or (vars(loaded) if loaded is not None else {})

    def _source(self, file: str, module: str) -> ModuleSource | None:
        if file not in self._sources:
            loaded = sys.modules.get(module)
            self._sources[file] = read_source(file, None if loaded is None else vars(loaded))
        return self._sources[file]

    def _is_own(self, module: str, file: str | None = None) -> bool:
        """Whether a module is the project's; without its file it is looked for."""
        if module.partition(".")[0] in self._own:
            return True
        file = self._file(module) if file is None else file
        return file is not None and not is_installed(file)

    def _file(self, module: str) -> str | None:
        """The file of a module, whether it is loaded or not; None for what has none."""
        if module not in self._files:
            loaded = sys.modules.get(module)
            self._files[module] = self._found(module) if loaded is None else getattr(loaded, "__file__", None)
        return self._files[module]

    def _found(self, module: str) -> str | None:
        """The file of a module that is not loaded; None if it is none of the project's."""
        inside, is_own = module.replace(".", "/"), module.partition(".")[0] in self._own
        for folder in sys.path:
            base = Path(folder or ".")
            if not module or (is_installed(f"{base}/") and not is_own):
                continue
            for file in (base / inside / "__init__.py", base / f"{inside}.py"):
                if file.is_file():
                    return str(file)
        return None


def _content(file: str | None) -> str:
    return "" if file is None or not Path(file).is_file() else Path(file).read_bytes().hex()
