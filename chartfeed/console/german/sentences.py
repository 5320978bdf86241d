"""A sentence of a state, an error or a mapping in the reader's language.

One that no pattern knows is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Final

import orjson

from chartfeed.console.german import discovery
from chartfeed.console.languages import catalogue

__all__ = ["SENTENCES", "in_german", "is_known", "told"]

# A reason that somebody typed may be long; a sentence of ours is not.
LONGEST: Final = 4000
DEEPEST: Final = 5
# English with {n} for a count, {p} for a share, {x} and {i} for what stays as it is, {s} for a
# sentence, {m} for several, {l} for lines of them, {f} for flags, {k} for a kind, {d} for a day,
# {t} for a time, {w} for a state, {a} for an act of the log, {z} for a name without spaces.
_FORMS: Final = {
    "n": r"([\d,]+)",
    "p": r"([\d.]+ %)",
    "x": r"(.+?)",
    "i": r"([^,:]+)",
    "s": r"(.+?)",
    "m": r"(.+)",
    "l": r"(.+)",
    "f": r"(.*)",
    "k": r"(\w+)",
    "d": r"(\d{4}-\d\d-\d\d)",
    "t": r"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00))",
    "w": r"([a-z-]+)",
    "a": r"([a-z-]+)",
    "z": r"([\w.-]+)",
}
# Broader than any other: looked at when nothing else fits.
_LAST: Final = (
    ("{z}: {s}", "{z}: {s}"),
    ("Kafka: {x}", "Fehler von Kafka: {x}"),
    ("{z}: {z} in {z}:{n}", "{z}: unerwarteter Fehler {z} in {z}:{n}"),
    ("{s}\n  next: {x}", "{s}\n  weiter: {x}"),
    ("{s}, {s}", "{s}, {s}"),
)
_HOLE: Final = re.compile(r"\{([a-z])\}")
_NUMBERS: Final = str.maketrans(",.", ".,")


def _pattern(english: str) -> re.Pattern[str]:
    parts = _HOLE.split(english)
    return re.compile(
        "".join(_FORMS[part] if at % 2 else re.escape(part) for at, part in enumerate(parts)),
        re.DOTALL,
    )


def _troubles() -> tuple[tuple[str, str], ...]:
    path = resources.files("chartfeed.console.german").joinpath("troubles.json")
    found: dict[str, str] = orjson.loads(path.read_bytes())
    return tuple(found.items())


SENTENCES: Final = (*_troubles(), *discovery.SENTENCES, *_LAST)
# With the longest of the words that stay as they are: without them nothing is tried.
_PATTERNS: Final = [
    (
        max(_HOLE.split(english)[::2], key=len),
        _pattern(english),
        _HOLE.findall(english),
        _HOLE.sub("{}", german),
    )
    for english, german in SENTENCES
]


def told(text: str, code: str) -> str:
    """Give a sentence in a language."""
    return in_german(text) or text if code == "de" else text


def is_known(text: str) -> bool:
    """Tell whether a sentence is translated."""
    return in_german(text) is not None


def in_german(text: str) -> str | None:
    """Give a sentence in German, None for one that is not known."""
    return _in_german(text, DEEPEST)


@lru_cache(maxsize=4096)
def _in_german(text: str, deeper: int) -> str | None:
    """Give a sentence in German; sentences may stand in it, so many levels deep."""
    if len(text) > LONGEST or not deeper:
        return None
    for words, pattern, holes, german in _PATTERNS:
        match = pattern.fullmatch(text) if words in text else None
        if match is None:
            continue
        said = zip(holes, match.groups(), strict=True)
        parts = [_part(hole, part, deeper - 1) for hole, part in said]
        if None not in parts:
            return german.format(*parts)
    return None


def _part(hole: str, part: str, deeper: int) -> str | None:
    if hole == "s":
        return _in_german(part, deeper)
    if hole == "m":
        return "; ".join(_in_german(one, deeper) or one for one in part.split("; "))
    if hole == "l":
        lines = [line.strip() for line in part.split("\n")]
        return "\n".join(f"  {_in_german(line, deeper) or line}" for line in lines)
    return _PARTS[hole](part)


def _same(part: str) -> str:
    return part


def _number(part: str) -> str:
    return part.translate(_NUMBERS)


def _day(part: str) -> str:
    year, month, day = part.split("-")
    return f"{day}.{month}.{year}"


def _moment(part: str) -> str | None:
    try:
        return f"{datetime.fromisoformat(part):%d.%m.%Y, %H:%M:%S} UTC"
    except ValueError:
        return None


def _flags(part: str) -> str:
    return re.sub(r"\bblank\b", "leer", re.sub(r"(?<=\d),(?=\d)", ".", part))


def _word(area: str) -> Callable[[str], str | None]:
    return lambda part: catalogue("de").get(f"{area}.{part}")


_PARTS: Final[dict[str, Callable[[str], str | None]]] = {
    "n": _number,
    "p": _number,
    "x": _same,
    "i": _same,
    "f": _flags,
    "k": lambda part: discovery.KINDS.get(part, part),
    "d": _day,
    "t": _moment,
    "w": _word("state"),
    "a": _word("mappings.act"),
    "z": _same,
}
