"""The final marker: it says that a day is final, and with which bytes.

It stands beside the day's files. A day that changes afterwards gets a new revision; one that is no
longer sound has its marker withdrawn, by a revision that says so. None ever goes away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, get_args

import orjson

from schemas import dates
from stream_app.closing.checks import CenterRows
from stream_app.files.manifest import Damaged, DataFile
from stream_app.files.rendering import file_name
from stream_app.files.targets import Target

__all__ = ["FORMAT", "Change", "Marker", "change", "name", "parse", "read", "render"]

FORMAT: Final = 1
State = Literal["final", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Marker:
    """A revision; `read_from` is the format that the centers' hashes are made from."""

    target_date: date
    state: State
    revision: int
    closed_at: datetime
    record_count: int
    files: dict[str, DataFile]
    centers: tuple[CenterRows, ...]
    read_from: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What became different after a revision; the centers are those whose rows differ."""

    revision: int
    closed_at: datetime
    record_count: int
    centers: tuple[str, ...]


def name(day: date) -> str:
    """Give the marker's file name."""
    return file_name(day, "final.json")


def read(target: Target, day: date) -> Marker | None:
    """Give a day's marker, None where it was never closed."""
    content = target.read(name(day))
    return None if content is None else parse(content, name(day))


def change(before: Marker, centers: tuple[CenterRows, ...], read_from: str | None) -> Change:
    """Say what differs from a marker now."""
    then = {one.center_id: one for one in before.centers}
    now = {one.center_id: one for one in centers}
    differing = [
        center
        for center in sorted(then.keys() | now.keys())
        if _differ(then.get(center), now.get(center), by_hash=read_from == before.read_from)
    ]
    return Change(before.revision, before.closed_at, before.record_count, tuple(differing))


def _differ(then: CenterRows | None, now: CenterRows | None, *, by_hash: bool) -> bool:
    counts = [0 if one is None else one.record_count for one in (then, now)]
    if counts[0] != counts[1]:
        return True
    return by_hash and then is not None and now is not None and then.sha256 != now.sha256


def render(marker: Marker) -> bytes:
    """Give the marker's bytes: JSON that a person can read too."""
    content = {
        "format": FORMAT,
        "target_date": marker.target_date,
        "state": marker.state,
        "revision": marker.revision,
        "closed_at": dates.utc(marker.closed_at),
        "record_count": marker.record_count,
        "files": marker.files,
        "read_from": marker.read_from,
        "centers": marker.centers,
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def parse(content: bytes, file: str) -> Marker:
    """Read a marker back; `file` is the name that an error speaks of."""
    try:
        data: dict[str, Any] = orjson.loads(content)
        if data["format"] > FORMAT:
            raise Damaged(
                f"{file}: format {data['format']} is newer than this version reads ({FORMAT})",
                hint="update chartfeed, as the other machines that close days",
            )
        return Marker(
            target_date=dates.iso(data["target_date"]),
            state=_state(data["state"]),
            revision=int(data["revision"]),
            closed_at=dates.moment(data["closed_at"]),
            record_count=int(data["record_count"]),
            files={key: DataFile(**one) for key, one in data["files"].items()},
            centers=tuple(CenterRows(**one) for one in data["centers"]),
            read_from=data["read_from"],
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(
            f"{file} is damaged: {error!r}",
            hint=f"remove {file} and close the day again: it is revision 1 then",
        ) from error


def _state(word: str) -> State:
    for state in get_args(State):
        if state == word:
            found: State = state
            return found
    raise ValueError(f"state {word!r}")
