"""YAML texts as typed values, with errors that name the file, the line and the next step."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from schemas.errors import BadInput

__all__ = ["parse"]

T = TypeVar("T")
Path = tuple[int | str, ...]

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
_TAG = "tag:yaml.org,2002:"
_TEXT, _LIST, _DICT, _MERGE = (f"{_TAG}{word}" for word in ("str", "seq", "map", "merge"))
_RESOLVERS = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{_TAG}timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=4096)
def _tag(kind: type[yaml.Node], value: Any, implicit: Any) -> str:
    """Tell a node's tag as PyYAML does, without the rules by path that nobody made."""
    if kind is yaml.ScalarNode:
        if implicit[0]:
            for tag, pattern in _RESOLVERS.get(value[:1], ()):
                if pattern.match(value):
                    return str(tag)
        return _TEXT
    return _LIST if kind is yaml.SequenceNode else _DICT


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader, the fast one where PyYAML was built with it, that keeps dates as texts."""

    yaml_implicit_resolvers = _RESOLVERS
    resolve = staticmethod(_tag)


def parse(text: str, type_: type[T], *, name: str) -> T:
    """Return the YAML `text` as a value of `type_`; `name` is the file that errors speak of."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        data = None if root is None else _Values(loader, name).of(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise BadInput(
            f"{name}:{line}: not valid YAML: {error.problem or error.context}",
            hint=f"correct line {line} of {name}",
        ) from error
    except yaml.YAMLError as error:
        raise BadInput(
            f"{name}: not valid YAML: {' '.join(str(error).split())}",
            hint=f"save {name} as plain UTF-8 text",
        ) from error
    except RecursionError:
        raise BadInput(f"{name}: nested too deeply", hint=f"correct {name}") from None
    try:
        value: T = _adapter(type_).validate_python({} if data is None else data)
    except ValidationError as error:
        raise _explained(error, _lines(root), type_, name) from error
    return value


def _adapter(type_: type[Any]) -> TypeAdapter[Any]:
    """Return the type's validator, which is slow to build and the same each time."""
    found = _ADAPTERS.get(type_)
    if found is None:
        found = _ADAPTERS[type_] = TypeAdapter(type_)
    return found


class _Values:
    """What nodes hold; a key given twice or a node within itself is an error."""

    def __init__(self, loader: _Loader, name: str) -> None:
        self._loader = loader
        self._name = name
        self._open: set[int] = set()
        self._scalars: dict[tuple[str, str], Any] = {}

    def of(self, node: yaml.Node) -> Any:
        tag = node.tag
        if tag == _TEXT:
            return node.value
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if tag not in {_LIST, _DICT}:
            return self._loader.construct_object(node, deep=True)
        if id(node) in self._open:
            line = node.start_mark.line + 1
            raise BadInput(f"{self._name}:{line}: refers to itself", hint="spell it")
        self._open.add(id(node))
        value = [self.of(item) for item in node.value] if node.tag == _LIST else self._dict(node)
        self._open.discard(id(node))
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        """Give a number, a flag or nothing; the same text with the same tag means the same."""
        key = (node.tag, node.value)
        if key not in self._scalars:
            self._scalars[key] = self._loader.construct_object(node, deep=True)
        return self._scalars[key]

    def _dict(self, node: yaml.Node) -> dict[str, Any]:
        value: dict[str, Any] = {}
        taken_over: dict[str, Any] = {}
        for key, item in node.value:
            if key.tag == _MERGE:
                taken_over = self._taken_over(item) | taken_over
            elif key.tag != _TEXT or key.value in value:
                raise _not_a_key(key, self._name)
            else:
                value[key.value] = self.of(item)
        return taken_over | value if taken_over else value

    def _taken_over(self, node: yaml.Node) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for one in node.value if node.tag == _LIST else (node,):
            if one.tag != _DICT:
                line = one.start_mark.line + 1
                raise BadInput(f"{self._name}:{line}: << needs keys to take over", hint="spell it")
            value = self.of(one) | value
        return value


def _not_a_key(key: yaml.Node, name: str) -> BadInput:
    line = key.start_mark.line + 1
    if key.tag == _TEXT:
        return BadInput(
            f"{name}:{line}: {key.value} is given twice", hint=f"keep one {key.value} in {name}"
        )
    return BadInput(f"{name}:{line}: a key that is no text", hint="put it in quotes")


def _lines(root: yaml.Node | None) -> dict[Path, int]:
    """Tell the line of every value (and key) by its path."""
    lines: dict[Path, int] = {(): 1}

    def walk(node: yaml.Node, path: Path) -> None:
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                lines[(*path, str(key.value))] = key.start_mark.line + 1
                walk(value, (*path, str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                walk(item, (*path, index))

    if root is not None:
        walk(root, ())
    return lines


def _explained(
    error: ValidationError, lines: dict[Path, int], type_: type[object], name: str
) -> BadInput:
    problems = []
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        line = next(lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines)
        where = ".".join(str(part) for part in path) or "the document"
        if detail["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
            known = _siblings(type_, path)
            message = f"unknown key {path[-1]!r}" + _suggestion(str(path[-1]), known)
        elif detail["type"] in {"missing", "missing_argument"}:
            message = f"{where} is missing"
        else:
            message = f"{where}: {detail['msg'].removeprefix('Value error, ')}"
        problems.append((line, f"{name}:{line}: {message}"))
    problems.sort()
    return BadInput(
        "\n".join(text for _, text in problems), hint=f"correct line {problems[0][0]} of {name}"
    )


def _siblings(type_: type[object], path: Path) -> Sequence[str]:
    """Return the keys that are known where `path` ends."""
    schema = TypeAdapter(type_).json_schema()
    definitions = schema.get("$defs", {})

    def candidates(node: dict[str, object]) -> list[dict[str, object]]:
        if "$ref" in node:
            return candidates(definitions[str(node["$ref"]).rpartition("/")[2]])
        options = [*_dicts(node.get("anyOf")), *_dicts(node.get("allOf"))]
        return [node, *(inner for option in options for inner in candidates(option))]

    nodes = candidates(schema)
    for part in path[:-1]:
        below: list[dict[str, object]] = []
        for node in nodes:
            inner: object = None
            if isinstance(part, int):
                inner = node.get("items")
            elif isinstance(properties := node.get("properties"), dict) and part in properties:
                inner = properties[part]
            else:
                inner = node.get("additionalProperties")
            if isinstance(inner, dict):
                below += candidates(inner)
        nodes = below
    return [
        key
        for node in nodes
        if isinstance(properties := node.get("properties"), dict)
        for key in properties
    ]


def _dicts(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _suggestion(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known here: {', '.join(known)}" if known else ""
