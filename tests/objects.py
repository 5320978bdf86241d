"""An object store in memory, whose objects are whole for whoever reads them meanwhile.

fsspec's own `memory://` shows a file while it grows, and gives its one handle to all readers.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from stream_app.files.targets import Target, open_target


class Objects(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A bucket is a first folder: `objects://bucket/days`."""

    protocol = "objects"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("objects://")))

    def put_file(self, lpath: str, rpath: str, *_options: object, **_named: object) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes())

    def _open(self, path: str, mode: str = "rb", *options: Any, **named: Any) -> Any:
        file = super()._open(path, mode, *options, **named)
        return io.BytesIO(file.getvalue()) if mode == "rb" else file


fsspec.register_implementation("objects", Objects)


def an_object_store(bucket: str) -> Target:
    """Give a bucket of this process; it begins empty where its name is new."""
    return open_target(f"objects://{bucket}/days")
