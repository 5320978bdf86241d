"""The names of generated patients, and whether anything but their source knows them.

A word is looked for as its bytes in each encoding that a source or a log may have, and once more
behind the escapes of JSON and of Python. Parquet is searched as what it holds, not as it is packed.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from producers.connection import connect
from producers.quoting import name, qualified
from schemas import topics
from tests.events import committed

if TYPE_CHECKING:
    from tests.scene import Scene, Stage

__all__ = ["artefacts", "leaks", "patients", "said_in_topics", "scraped", "unescaped"]

# What belongs to the source and its staff, not to the feed.
SOURCES: Final = frozenset({"sqlserver", "work.jsonl"})
ENCODINGS: Final = ("utf-8", "cp1252", "utf-16-le")


def patients(scene: Scene) -> set[str]:
    """Give the parts of all patients' names that are long enough to be told from other words."""
    mapping = scene.mapping
    table = qualified(mapping.schema_name(), mapping.table("PATIENT"))
    columns = [name(mapping.column("PATIENT", column)) for column in ("P_NAME", "P_VORNAME")]
    with closing(connect(scene.login)) as own:
        rows = own.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    return {part for row in rows for part in row if part and len(part) > 3}


def artefacts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give all files of a feed: logs, mappings, state, daily files, reports; Parquet unpacked."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and SOURCES.isdisjoint(inside.parts):
            yield str(inside), unpacked(path) if path.suffix == ".parquet" else path.read_bytes()


def unpacked(path: Path) -> bytes:
    """Give all values of a Parquet file, and what its columns and its schema say of themselves."""
    table = pq.read_table(path)
    said = [str(table.schema), *(str(value) for column in table.columns for value in column)]
    return "\n".join(said).encode()


def scraped(said: str) -> tuple[str, bytes]:
    """Give the metrics of a process whose log says where they are."""
    found = re.search(r"http://127\.0\.0\.1:\d+/metrics", said)
    assert found is not None, "it serves no metrics"
    with urllib.request.urlopen(found[0], timeout=20) as answer:
        return found[0], answer.read()


def said_in_topics(on: Stage) -> Iterator[tuple[str, bytes]]:
    """Give everything in any topic: keys, headers and values."""
    for message in committed(on.kafka, topics.ALL, range(12)):
        headers = b"".join(value or b"" for _, value in list(message.headers() or ()))  # type: ignore[misc]  # typed as str too
        yield (
            f"{message.topic()}/{message.partition()}/{message.offset()}",
            (message.key() or b"") + headers + (message.value() or b""),
        )


def leaks(names: Iterable[str], said: Iterable[tuple[str, bytes]]) -> tuple[int, list[str]]:
    """Count what was looked at, and give where a name stands; not the name itself."""
    known = re.compile(b"|".join(re.escape(one) for one in sorted(spelt(names))))
    looked, found = 0, []
    for where, content in said:
        looked += 1
        if any(known.search(form) for form in (content, *unescaped(content))):
            found.append(where)
    return looked, found


def spelt(names: Iterable[str]) -> set[bytes]:
    """Give the names as bytes, in every encoding that has their letters."""
    found = set()
    for one in names:
        for encoding in ENCODINGS:
            try:
                found.add(one.encode(encoding))
            except UnicodeEncodeError:
                continue
    return found


def unescaped(content: bytes) -> Iterator[bytes]:
    """Give what stands behind JSON's and Python's escapes, where there are any."""
    if re.search(rb"\\u[0-9a-fA-F]{4}", content):
        yield re.sub(
            rb"\\+u([0-9a-fA-F]{4})",
            lambda one: chr(int(one[1], 16)).encode("utf-8", "surrogatepass"),
            content,
        )
    if re.search(rb"\\x[0-9a-fA-F]{2}", content):
        # Of bytes, and of a text by its code points.
        yield re.sub(rb"\\+x([0-9a-fA-F]{2})", lambda one: bytes.fromhex(one[1].decode()), content)
        yield re.sub(
            rb"\\+x([0-9a-fA-F]{2})", lambda one: chr(int(one[1], 16)).encode("utf-8"), content
        )
