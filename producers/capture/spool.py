"""Rows that are read to the end before anything is published, whatever their number."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

__all__ = ["Spool"]

Row = Sequence[Any]

IN_MEMORY: Final = 50_000


class Spool:
    """Keeps rows in memory up to a limit and the rest in a file that has no name.

    The file is gone with the process, however it ends: it holds what patients' charts say.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._limit = in_memory
        self._kept: list[Row] = []
        self._file: IO[bytes] | None = None

    def add(self, rows: Sequence[Row]) -> None:
        if len(self._kept) + len(rows) <= self._limit and self._file is None:
            self._kept += rows
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        pickle.dump([tuple(row) for row in rows], self._file, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Row]:
        """Give the rows in the order in which they came, once."""
        yield from self._kept
        if self._file is not None:
            self._file.seek(0)
            while True:
                try:
                    rows = pickle.load(self._file)  # noqa: S301 - we wrote it a moment ago
                except EOFError:
                    return
                yield from rows

    def close(self) -> None:
        self._kept = []
        if self._file is not None:
            self._file.close()
