"""What an interrupted replay goes on from: its arguments, where it ends, and how far it is."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from schemas.errors import BadInput, Outside

__all__ = ["FOLDER", "Journal", "held"]

FOLDER: Final = ".replay"
FILE: Final = "journal.json"
FORMAT: Final = 1
LOCK: Final = "lock"


@dataclass(slots=True)
class Journal:
    """Kept in `folder` beside the state that it speaks of, until the replay is done."""

    folder: Path
    arguments: dict[str, Any]
    plan: dict[str, Any] | None = None
    """What was decided at the start; None before."""
    settled: bool = False
    """Whether all that lies before --from is loaded, and only changes count from now on."""
    lost: list[str] = field(default_factory=list)
    """Centers whose events of then are not all there."""

    def save(self) -> None:
        content = orjson.dumps(
            {"format": FORMAT}
            | {key: value for key, value in asdict(self).items() if key != "folder"}
        )
        path = self.folder / FILE
        temporary = path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def finish(self) -> None:
        """Remove the folder, what says that there is something to go on from first."""
        (self.folder / FILE).unlink(missing_ok=True)
        shutil.rmtree(self.folder)


@contextmanager
def held(folder: Path, arguments: dict[str, Any], *, what: str = "replay") -> Iterator[Journal]:
    """Hold a folder, and give its journal: a new one, or that of an interrupted run.

    Other arguments than those of the interrupted run are refused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Outside(
            f"a {what} can't keep its state in {folder}: {error.strerror}",
            hint="see to its permissions and its disk, or name another folder",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(
                f"another {what} works in {folder.parent}", hint="wait for it, or end it"
            ) from None
        yield _found(folder, arguments)
    finally:
        os.close(handle)


def _found(folder: Path, arguments: dict[str, Any]) -> Journal:
    path = folder / FILE
    if path.exists():
        said = orjson.loads(path.read_bytes())
        if said.get("format", 0) > FORMAT:
            raise BadInput(
                f"{path} is of format {said['format']}, newer than this chartfeed knows ({FORMAT})",
                hint=f"update chartfeed to go on, or remove {folder} to begin anew",
            )
        if said.get("format") == FORMAT:
            before = said["arguments"]
            if before != arguments:
                raise BadInput(
                    f"{folder.parent} has a replay that was interrupted, with other arguments: "
                    + _differing(before, arguments),
                    hint=f"give the same arguments to go on, or remove {folder} to begin anew",
                )
            return Journal(folder, arguments, said["plan"], said["settled"], said["lost"])
    for left in folder.iterdir():
        if left.name != LOCK:
            left.unlink()
    return Journal(folder, arguments)


def _differing(before: dict[str, Any], now: dict[str, Any]) -> str:
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)} (now {now.get(name)})" for name in names)
