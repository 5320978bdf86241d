"""Where files go: a folder, or object storage by its URL; each file whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from schemas.errors import BadInput, RetryLater

__all__ = ["CannotWrite", "Folder", "ObjectStore", "Seen", "Target", "open_target"]

TEMPORARY: Final = ".tmp"
PIECE: Final = 1 << 20
# What the stores call that by which an object differs from the one that was there before.
STAMPS: Final = ("ETag", "etag", "LastModified", "last_modified", "generation", "mtime", "created")


class CannotWrite(RetryLater):
    """A file could not be written or read; what was there before still is."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a listing tells of a file; one that was put in its place has another stamp."""

    bytes: int
    stamp: str


class Target(Protocol):
    """A place that files are put into whole."""

    def __str__(self) -> str:
        """Give the place as somebody named it."""

    def replace(
        self, name: str, content: Iterable[bytes], check: Callable[[], object] = lambda: None
    ) -> None:
        """Make the pieces the file `name`: readers see the whole old or the whole new one.

        `check` is called last of all; what it raises leaves the old file there.
        """

    def read(self, name: str) -> bytes | None:
        """Give a file's bytes, None where there is no such file."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """Give a file's bytes piece by piece; FileNotFoundError where there is no such file."""

    def listing(self) -> dict[str, Seen]:
        """Give what is seen of each file by its name, without any that is being written."""

    def names(self) -> list[str]:
        """List the files, sorted, without any that is being written."""

    def folders(self) -> list[str]:
        """List the folders in it, sorted."""

    def inside(self, folder: str) -> Target:
        """Give the target that a folder in it is; it is made when first written to."""

    def remove_leftovers(self) -> int:
        """Remove what writers that died left behind, and tell how many files that were."""


def open_target(place: str) -> Target:
    """Give the target that a path or a URL names."""
    if "://" not in place:
        return Folder(Path(place))
    if place.startswith("file://"):
        return Folder(Path(place.removeprefix("file://")))
    return ObjectStore(place)


class Folder:
    """A local or mounted folder, made when it is first written to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Folder({str(self.path)!r})"

    def __str__(self) -> str:
        return str(self.path)

    def replace(
        self, name: str, content: Iterable[bytes], check: Callable[[], object] = lambda: None
    ) -> None:
        # Invariant 7: a reader of a daily file sees the whole old or the whole new one.
        target = self.path / name
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            temporary, file = self._temporary(name)
            try:
                with file:
                    file.writelines(content)
                    file.flush()
                    os.fsync(file.fileno())
                    check()
                    temporary.replace(target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            self._sync_folder()
        except OSError as error:
            raise _explained(error, f"{target} can't be written", self.path) from error

    def _temporary(self, name: str) -> tuple[Path, BinaryIO]:
        """Give a new file beside the target; its lock tells the living from leftovers."""
        while True:
            # In a container each process is number one: what a killed one left may have its names.
            path = self.path / f".{name}.{secrets.token_hex(4)}{TEMPORARY}"
            file = path.open("xb")
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return path, file
            file.close()  # Somebody cleaned up between the two lines.

    def _sync_folder(self) -> None:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _explained(error, f"{self.path / name} can't be read", self.path) from error

    def pieces(self, name: str) -> Iterator[bytes]:
        try:
            with (self.path / name).open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _explained(error, f"{self.path / name} can't be read", self.path) from error

    def listing(self) -> dict[str, Seen]:
        found: dict[str, Seen] = {}
        for entry in self._entries():
            if entry.is_file() and not entry.name.endswith(TEMPORARY):
                with suppress(FileNotFoundError):  # Removed since it was listed.
                    stat = entry.stat()
                    stamp = f"{stat.st_ino} {stat.st_mtime_ns}"
                    found[entry.name] = Seen(stat.st_size, stamp)
        return found

    def names(self) -> list[str]:
        return sorted(
            entry.name
            for entry in self._entries()
            if entry.is_file() and not entry.name.endswith(TEMPORARY)
        )

    def folders(self) -> list[str]:
        return sorted(entry.name for entry in self._entries() if entry.is_dir())

    def inside(self, folder: str) -> Folder:
        return Folder(self.path / folder)

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.path) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _explained(error, f"{self.path} can't be read", self.path) from error

    def remove_leftovers(self) -> int:
        removed = 0
        try:
            for path in sorted(self.path.glob(f".*{TEMPORARY}")):
                # To be written to: NFS locks no other file for one alone.
                with path.open("r+b") as file:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        continue  # Somebody is writing it.
                    path.unlink(missing_ok=True)
                    removed += 1
        except OSError as error:
            raise _explained(error, f"{self.path} can't be cleaned", self.path) from error
        return removed


def _explained(error: OSError, what: str, folder: Path) -> CannotWrite:
    hints = {
        errno.ENOSPC: f"make room on the disk of {folder}",
        errno.EDQUOT: f"make room in the quota of {folder}",
        errno.EACCES: f"let this user write into {folder}",
        errno.EPERM: f"let this user write into {folder}",
        errno.EROFS: f"mount the disk of {folder} so that it can be written to",
        errno.ENOTDIR: f"name a folder; part of {folder} is a file",
        errno.EEXIST: f"name a folder; {folder} is a file",
    }
    number = error.errno or 0
    return CannotWrite(
        f"{what}: {error.strerror}", hint=hints.get(number, f"look at {folder}"), errno=number
    )


class ObjectStore:
    """A bucket, or what else fsspec reaches by a URL and shows an upload when it is complete."""

    def __init__(self, url: str) -> None:
        # Its import takes longer than writing a day to a folder.
        import fsspec  # noqa: PLC0415

        try:
            self.files: Any
            self.files, self.root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise BadInput(
                f"the output {url!r} can't be used: {error}",
                hint="install the package it names, or use a folder",
            ) from error
        self.url = url

    def __repr__(self) -> str:
        return f"ObjectStore({self.url!r})"

    def __str__(self) -> str:
        return self.url

    def replace(
        self, name: str, content: Iterable[bytes], check: Callable[[], object] = lambda: None
    ) -> None:
        # Put together here first: an upload that breaks off must never look complete.
        try:
            with tempfile.NamedTemporaryFile(prefix="chartfeed-") as spooled:
                spooled.writelines(content)
                spooled.flush()
                check()
                with self._explaining(f"{name} can't be written"):
                    self.files.put_file(spooled.name, self._path(name))
        except OSError as error:
            # It is None where none could be written to, and the error then names those tried.
            here = Path(os.fsdecode(tempfile.tempdir or "/tmp"))  # noqa: S108 - only named
            what = f"{name} can't be put together in the temporary folder {here}"
            raise _explained(error, what, here) from error

    def read(self, name: str) -> bytes | None:
        with self._explaining(f"{name} can't be read"):
            try:
                # What another writer put there in the meantime counts, not a listing of before.
                self.files.invalidate_cache()
                content: bytes = self.files.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return content

    def pieces(self, name: str) -> Iterator[bytes]:
        with self._explaining(f"{name} can't be read", but=(FileNotFoundError,)):
            self.files.invalidate_cache()
            with self.files.open(self._path(name), "rb") as file:
                while piece := file.read(PIECE):
                    yield piece

    def listing(self) -> dict[str, Seen]:
        return {
            name: Seen(
                int(entry["size"]), " ".join(str(entry[key]) for key in STAMPS if key in entry)
            )
            for name, entry in self._entries("file").items()
        }

    def names(self) -> list[str]:
        return sorted(self._entries("file"))

    def folders(self) -> list[str]:
        return sorted(self._entries("directory"))

    def inside(self, folder: str) -> ObjectStore:
        return ObjectStore(f"{self.url.rstrip('/')}/{folder}")

    def remove_leftovers(self) -> int:
        return 0  # An upload that was not completed never became a file.

    def _entries(self, kind: str) -> dict[str, Any]:
        with self._explaining("the files can't be listed"):
            try:
                self.files.invalidate_cache()
                found = self.files.ls(self.root, detail=True)
            except FileNotFoundError:
                return {}
        return {
            str(entry["name"]).rstrip("/").rpartition("/")[2]: entry
            for entry in found
            if entry["type"] == kind
        }

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    @contextmanager
    def _explaining(self, what: str, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        try:
            yield
        except but:
            raise
        except Exception as error:  # Each store has errors of its own.
            raise CannotWrite(f"{self.url}: {what}: {error}", hint=f"look at {self.url}") from error
