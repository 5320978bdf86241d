"""YAML texts as typed values, with errors that name the file, the line and the next step."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from schemas.errors import BadInput

__all__ = ["parse"]

T = TypeVar("T")
Path = tuple[int | str, ...]

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader, the fast one where PyYAML was built with it, that keeps dates as texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str, type_: type[T], *, name: str) -> T:
    """Return the YAML `text` as a value of `type_`; `name` is the file that errors speak of."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        lines = _lines(root, name)
        data = None if root is None else loader.construct_document(root)
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
        raise _explained(error, lines, type_, name) from error
    return value


def _adapter(type_: type[Any]) -> TypeAdapter[Any]:
    """Return the type's validator, which is slow to build and the same each time."""
    found = _ADAPTERS.get(type_)
    if found is None:
        found = _ADAPTERS[type_] = TypeAdapter(type_)
    return found


def _lines(root: yaml.Node | None, name: str) -> dict[Path, int]:
    """Tell the line of every value (and key) by its path."""
    lines: dict[Path, int] = {(): 1}
    open_nodes: set[int] = set()

    def walk(node: yaml.Node, path: Path) -> None:
        if id(node) in open_nodes:
            raise BadInput(f"{name}:{node.start_mark.line + 1}: refers to itself", hint="spell it")
        open_nodes.add(id(node))
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                line = key.start_mark.line + 1
                word = str(key.value)
                if word in seen:
                    raise BadInput(
                        f"{name}:{line}: {word} is given twice", hint=f"keep one {word} in {name}"
                    )
                seen.add(word)
                lines[(*path, word)] = line
                walk(value, (*path, word))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                walk(item, (*path, index))
        open_nodes.discard(id(node))

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
