"""YAML text to plain values, with the traps of YAML 1.1 caught.

PyYAML composes the node tree (with libyaml where it is there); the values are made here, since PyYAML's own
constructors drop duplicate keys and turn dates, `no` and `1:30` into something else than what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from tauro.config.parsed import Flaw, Parsed, Path, Plain
from tauro.config.scalars import plain_scalar

_PLAIN, _TEXT = "plain", "text"
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({_TEXT, "!", f"{_TAG}str", f"{_TAG}timestamp"})
_WORD_TAGS = {f"{_TAG}int": (int,), f"{_TAG}float": (int, float), f"{_TAG}bool": (bool,), f"{_TAG}null": (type(None),)}
_COLLECTION_TAGS = frozenset({_PLAIN, "!", f"{_TAG}map", f"{_TAG}seq"})
_MERGE = "<<"


class _Resolver:
    """Stands in for PyYAML's resolver, whose regular expressions cost more than the parsing itself."""

    def resolve(self, kind: type[Node], _value: str | None, implicit: tuple[bool, bool] | bool) -> str:
        """The tag of a value that bears none."""
        if kind is ScalarNode and not (isinstance(implicit, tuple) and implicit[0]):
            return _TEXT
        return _PLAIN

    def descend_resolver(self, _parent: object, _index: object) -> None:
        """Called at each step down; there is nothing to keep."""

    def ascend_resolver(self) -> None:
        """Called at each step up; there is nothing to keep."""


class _PythonComposer(_Resolver, Reader, Scanner, Parser, Composer):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


def compose_in_python(text: str) -> Node | None:
    """What `compose` does where PyYAML comes without libyaml, some ten times slower."""
    return _PythonComposer(text).get_single_node()


def _composer() -> Callable[[str], Node | None]:
    try:
        from yaml._yaml import CParser
    except ImportError:
        return compose_in_python

    class _CComposer(_Resolver, CParser):
        pass

    return lambda text: _CComposer(text.encode()).get_single_node()


compose = _composer()
"""The node tree of a text, None if it is empty; raises yaml.YAMLError if it is not exactly one YAML document."""


def read_yaml(text: str) -> Parsed:
    """The plain values of a YAML text; what is wrong with it is among the result's flaws."""
    try:
        root = compose(text)
    except yaml.YAMLError as error:
        return Parsed(None, flaws=(_syntax_flaw(text, error),))
    if root is None:
        return Parsed(None)
    builder = _Builder(root)
    value = builder.build(root)
    lines: dict[str, int] = {}
    if isinstance(root, MappingNode):
        lines = {str(key.value): key.start_mark.line + 1 for key, _ in reversed(root.value)}
    return Parsed(value, lines, tuple(builder.flaws))


class _Builder:
    def __init__(self, root: Node) -> None:
        self.flaws: list[Flaw] = []
        self._root = root
        self._built: dict[int, Plain] = {}  # by the id of nodes, which the root keeps alive
        self._open: set[int] = set()

    def build(self, node: Node) -> Plain:
        if type(node) is ScalarNode:
            tag = node.tag
            return plain_scalar(node.value) if tag is _PLAIN else node.value if tag is _TEXT else self._tagged(node)
        key = id(node)
        if key in self._built:
            return self._built[key]
        if key in self._open:
            self._flaw(node, "an alias stands inside of what it repeats", fix="write the value out")
            return None
        if node.tag not in _COLLECTION_TAGS:
            self._flaw(node, f"unknown YAML tag {node.tag!r}", fix="remove the tag")
        self._open.add(key)
        if isinstance(node, MappingNode):
            value: Plain = self._mapping(node)
        else:
            value = [self.build(item) for item in node.value]
        self._open.discard(key)
        self._built[key] = value
        return value

    def _mapping(self, node: MappingNode) -> dict[str, Plain]:
        own: dict[str, Plain] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            key = key_node.value
            if type(key_node) is not ScalarNode:
                self._flaw(node, "a key is a list or a mapping", at=key_node, fix="write keys as text")
            elif key == _MERGE and key_node.tag is _PLAIN:
                merged.append(value_node)
            elif key in own:
                self._duplicate(node, key_node)
            else:
                own[key] = self.build(value_node)
        if not merged:
            return own
        inherited: dict[str, Plain] = {}
        for source in reversed([mapping for value_node in merged for mapping in self._merge_sources(node, value_node)]):
            inherited.update(self.build(source))
        return inherited | own

    def _merge_sources(self, node: Node, value_node: Node) -> list[MappingNode]:
        sources = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
        mappings = [source for source in sources if isinstance(source, MappingNode) and id(source) not in self._open]
        if len(mappings) < len(sources):
            self._flaw(node, "<< takes a mapping, or a list of mappings", at=value_node)
        return mappings

    def _tagged(self, node: ScalarNode) -> Plain:
        if node.tag in _TEXT_TAGS:
            return node.value
        value = plain_scalar(node.value)
        types = _WORD_TAGS.get(node.tag)
        if types is None:
            self._flaw(node, f"unknown YAML tag {node.tag!r}", fix="remove the tag")
        elif type(value) not in types:
            self._flaw(node, f"{node.value!r} is not what its tag {node.tag.replace(_TAG, '!!')} says")
        return value

    def _duplicate(self, node: MappingNode, again: ScalarNode) -> None:
        first = next(key for key, _ in node.value if key.value == again.value)
        self._flaw(
            node,
            f"key {again.value!r} stands twice",
            at=again,
            key=again.value,
            notes=(f"first in line {first.start_mark.line + 1}",),
            fix="remove or rename one of them",
        )

    def _flaw(
        self,
        node: Node,
        message: str,
        *,
        at: Node | None = None,
        key: str | None = None,
        notes: tuple[str, ...] = (),
        fix: str | None = None,
    ) -> None:
        path = next(_paths(self._root, node, (), set()), ())
        if key is not None:
            path = (*path, key)
        self.flaws.append(Flaw(message, (at or node).start_mark.line + 1, path, notes, fix))


def _paths(tree: Node, wanted: Node, path: Path, seen: set[int]) -> Iterator[Path]:
    """The paths at which `wanted` stands in `tree`."""
    if tree is wanted:
        yield path
    if isinstance(tree, ScalarNode) or id(tree) in seen:
        return
    seen.add(id(tree))
    if isinstance(tree, MappingNode):
        for key, value in tree.value:
            yield from _paths(value, wanted, (*path, str(key.value)), seen)
    else:
        for at, item in enumerate(tree.value):
            yield from _paths(item, wanted, (*path, at), seen)


def _syntax_flaw(text: str, error: yaml.YAMLError) -> Flaw:
    if isinstance(error, ReaderError):
        before = text.encode()[: error.position] if isinstance(error.position, int) else b""
        return Flaw(f"not valid YAML: {error.reason}", before.count(b"\n") + 1, fix="remove the character")
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Flaw(f"not valid YAML: {error}")
    line = error.problem_mark.line
    notes: tuple[str, ...] = ()
    if error.context and error.context_mark and error.context_mark.line < line:
        notes = (f"{error.context}, which starts in line {error.context_mark.line + 1}",)
    problem = error.problem or "it can't be read"
    if "another document" in problem:
        return Flaw("the file holds several YAML documents", line + 1, fix="remove the line ---, or split the file")
    return Flaw(f"not valid YAML: {problem}", line + 1, notes=notes, fix=_syntax_fix(text, line, error))


def _syntax_fix(text: str, line: int, error: yaml.MarkedYAMLError) -> str | None:
    lines = text.splitlines()
    at_fault = lines[line] if line < len(lines) else ""
    column = error.problem_mark.column if error.problem_mark else 0
    if "\t" in at_fault[: len(at_fault) - len(at_fault.lstrip())]:
        return "indent with spaces instead of tabs"
    if "flow" in (error.context or "") and "${" in at_fault:
        return "put ${...} in quotes inside of [ ] or { }"
    if at_fault[column : column + 1] in ("@", "`", "%") or at_fault[max(column - 1, 0) : column] in ("*", "&", "!"):
        return "put the text in quotes"
    if "mapping values are not allowed" in (error.problem or ""):
        return "put text that contains ': ' in quotes, and check the indentation"
    return None
