"""Mapping files: `mappings/CENTER.yml`, made for a person to read and for a diff."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from producers import files
from producers.errors import MappingDamaged
from producers.mapping import Mapping
from producers.mapping_format import FORMAT, MappingNode, as_data, as_mapping
from schemas import document
from schemas.errors import BadInput

__all__ = ["load", "parse", "path_of", "render", "save"]

HEADER = (
    "# Which actual table and column is which. docs/mapping.md says how to read it.\n"
    "# Names change by `chartfeed review`; an edit by hand takes an approval away.\n"
)


def path_of(folder: Path, center: str) -> Path:
    """Give where a center's mapping file is."""
    return folder / f"{center}.yml"


def load(path: Path, *, center: str | None = None) -> Mapping:
    """Give the mapping that the file holds, or say which line is wrong and what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MappingDamaged(
            f"{path}: not UTF-8 at byte {error.start}",
            hint=f"save {path} as UTF-8, or {_anew(center or path.stem)}",
        ) from error
    except FileNotFoundError:
        raise MappingDamaged(
            f"{path}: there is no mapping yet", hint=f"chartfeed discover {path.stem}"
        ) from None
    except OSError as error:
        raise MappingDamaged(
            f"{path}: can't be read: {error.strerror}", hint=f"look at {path}"
        ) from error
    return parse(text, name=str(path), center=center)


def parse(text: str, *, name: str, center: str | None = None) -> Mapping:
    """Give the mapping that a file's text holds; errors name the file as `name`."""
    whose = center or Path(name).stem
    _refuse_the_future(text, name, whose)
    try:
        node = document.parse(text, MappingNode, name=name)
    except BadInput as error:
        raise MappingDamaged(error.message, hint=_next(error, name, whose)) from error
    if center is not None and node.center != center:
        raise MappingDamaged(
            f"{name}:{_line_of(text, 'center')}: this is the mapping of {node.center!r}, "
            f"not of {center!r}",
            hint=_anew(center),
        )
    return as_mapping(node)


def _next(error: BadInput, name: str, center: str) -> str:
    return f"{error.hint or f'correct {name}'}, or {_anew(center)}"


def _anew(center: str) -> str:
    return f"make it anew: chartfeed discover {center} --again"


def _refuse_the_future(text: str, name: str, center: str) -> None:
    given = re.search(r"^format:\s*(\d+)\s*$", text, re.MULTILINE)
    if given is None:
        return  # Damaged, or not ours: the document's own errors say more.
    if int(given[1]) > FORMAT:
        raise MappingDamaged(
            f"{name}:{_line_of(text, 'format')}: format {given[1]} is newer than this chartfeed "
            f"knows ({FORMAT})",
            hint=f"update chartfeed, or {_anew(center)}",
        )


def _line_of(text: str, key: str) -> int:
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, 1) if line.startswith(f"{key}:")), 1)


def render(mapping: Mapping) -> str:
    """Give the file's text; the same mapping gives the same bytes."""
    return HEADER + yaml.safe_dump(
        as_data(mapping), sort_keys=False, allow_unicode=True, width=10_000
    )


def save(mapping: Mapping, folder: Path) -> Path:
    """Write a center's mapping file: a reader sees the whole old or the whole new one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, mapping.center)
    files.replace(path, render(mapping))
    return path
