"""The names of generated patients, and whether anything but their source knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from producers.connection import connect
from producers.quoting import name, qualified
from schemas import topics
from tests.events import committed

if TYPE_CHECKING:
    from tests.scene import Scene, Stage

__all__ = ["artefacts", "leaks", "patients", "said_in_topics"]

# What belongs to the source and its staff, not to the feed.
SOURCES: Final = frozenset({"sqlserver", "work.jsonl"})


def patients(scene: Scene) -> set[str]:
    """Give the parts of all patients' names that are long enough to be told from other words."""
    mapping = scene.mapping
    table = qualified(mapping.schema_name(), mapping.table("PATIENT"))
    columns = [name(mapping.column("PATIENT", column)) for column in ("P_NAME", "P_VORNAME")]
    with closing(connect(scene.login)) as own:
        rows = own.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    return {part for row in rows for part in row if part and len(part) > 3}


def artefacts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give all files of a feed: logs, mappings, state, daily files, reports."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and SOURCES.isdisjoint(inside.parts):
            yield str(inside), path.read_bytes()


def said_in_topics(on: Stage) -> Iterator[tuple[str, bytes]]:
    """Give everything in any topic: keys, headers and values."""
    for message in committed(on.kafka, topics.ALL, range(12)):
        headers = b"".join(value or b"" for _, value in list(message.headers() or ()))  # type: ignore[misc]  # typed as str too
        yield (
            f"{message.topic()}/{message.partition()}/{message.offset()}",
            (message.key() or b"") + headers + (message.value() or b""),
        )


def leaks(names: set[str], said: Iterator[tuple[str, bytes]]) -> tuple[int, list[str]]:
    """Count what was looked at, and give where a name stands; not the name itself."""
    known = re.compile(b"|".join(re.escape(one.encode()) for one in sorted(names)))
    looked, found = 0, []
    for where, content in said:
        looked += 1
        if known.search(content):
            found.append(where)
    return looked, found
