"""What a bug report holds of this machine: versions, workers' state, room on disks."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import confluent_kafka
import orjson

from producers import connection
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chartfeed.settings import Settings

__all__ = ["Log", "disks", "read_log", "states", "versions"]

STATE: Final = re.compile(r"(join|days)-(\d+)\.sqlite")
FACTS: Final = ("format", "rules", "used_at", "position", "seq")
LINES: Final = 20
LOG_BYTES: Final = 20_000_000
WORDS: Final = re.compile(r"[a-z][A-Za-z0-9 ,;:'-]{2,100}")
EXCEPTION: Final = re.compile(r"[A-Za-z_]+( in [A-Za-z_0-9<>]+:\d+)?")


def versions() -> dict[str, Any]:
    """Give what runs here, and what it was built with."""
    own = metadata.distribution("chartfeed")
    required = [one for one in own.requires or () if not re.search(r"extra == .dev", one)]
    names = sorted({re.split(r"[^A-Za-z0-9_.-]", one)[0] for one in required})
    return {
        "chartfeed": own.version,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "distribution": _distribution(),
        "cpus": os.cpu_count(),
        "librdkafka": confluent_kafka.libversion()[0],
        "sqlite": sqlite3.sqlite_version,
        "odbc_driver": _driver(),
        "libraries": {name: found for name in names if (found := _version(name)) is not None},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _distribution() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _driver() -> str:
    try:
        found = connection.driver(None)
    except ChartfeedError:
        return "none"
    return found if found == connection.INSTALLED else f"the wheel's {Path(found).name}"


def states(settings: Settings) -> list[dict[str, Any]]:
    """Give each worker's state folder: formats, sizes and positions; nothing is changed."""
    if not settings.state.is_dir():
        return []
    return [
        {
            "worker": folder.name,
            "at_work": _is_held(folder / "lock"),
            "put_aside": sum(1 for _ in folder.glob("*.aside"))
            + sum(1 for _ in folder.glob("*.damaged")),
            "rebuilt_waiting": (folder / "rebuilt" / "finished").exists(),
            "files": list(_files(folder)),
        }
        for folder in sorted(settings.state.iterdir())
        if folder.is_dir()
    ]


def _is_held(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _files(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.iterdir()):
        if match := STATE.fullmatch(path.name):
            log = path.with_name(f"{path.name}-wal")
            yield {
                "file": path.name,
                "bytes": path.stat().st_size + (log.stat().st_size if log.exists() else 0),
                **_inside(path, match[1]),
            }


def _inside(path: Path, kind: str) -> dict[str, Any]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as opened:
            meta = dict(opened.execute("SELECT * FROM meta"))
            found = {name: meta[name] for name in FACTS if name in meta}
            if kind == "join":
                found["rebuilding"] = meta.get("rebuilding") is not None
                found["positions"] = dict(opened.execute("SELECT topic, offset FROM position"))
            else:
                found["days_to_write"] = opened.execute(
                    "SELECT count(*) FROM days WHERE changed > written"
                ).fetchone()[0]
    except sqlite3.Error as error:
        return {"unreadable": type(error).__name__}
    return found


def disks(settings: Settings) -> dict[str, dict[str, int] | str]:
    """Give the room where state, files and spooled reads are; an object store has no end."""
    places = {
        "state": settings.state,
        "mappings": settings.mappings,
        "spool": Path(tempfile.gettempdir()),
    }
    if "://" not in settings.output_path:
        places["output"] = Path(settings.output_path)
    found: dict[str, dict[str, int] | str] = {}
    for name, place in places.items():
        there = next((one for one in (place, *place.parents) if one.exists()), place)
        try:
            usage = shutil.disk_usage(there)
        except OSError as error:
            found[name] = type(error).__name__
        else:
            found[name] = {"free_bytes": usage.free, "total_bytes": usage.total}
    return found


@dataclass(frozen=True, slots=True)
class Log:
    """What a log holds: how many lines of JSON, and the last warnings and errors among them."""

    read: int
    warnings: list[dict[str, Any]]


def read_log(path: Path) -> Log:
    """Give the last warnings and errors of a log of JSON lines, without their values.

    Kept of a line are its time, level, sentence and exception's type; lines that say
    the same are counted together.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        content = file.read()
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    read = 0
    for text in content.splitlines():
        try:
            line = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if not isinstance(line, dict):
            continue
        read += 1
        if line.get("level") not in {"warning", "error", "critical"}:
            continue
        facts = {
            "level": line["level"],
            # A library's sentence may quote anything; ours hold no values.
            "event": None if "logger" in line else _fitting(WORDS, line.get("event")),
            "library": _fitting(re.compile(r"[a-z_.]+"), line.get("logger")),
            "exception": _fitting(EXCEPTION, line.get("exception")),
        }
        key = tuple(facts.values())
        count = found.pop(key, {"count": 0})["count"] + 1
        last = _fitting(re.compile(r"[0-9T:.Z+-]+"), line.get("timestamp"))
        found[key] = {**facts, "count": count, "last": last}
    return Log(read, list(found.values())[-LINES:])


def _fitting(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
