"""What a name says: exact before anything is stripped, whole synonyms, then the suffix rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

from producers import canonical
from producers.discovery import vocabulary

__all__ = ["Match", "column_matches", "inverted", "stripped", "table_matches", "tells"]

# A center with 500 tables asks 2,000 such questions.
REMEMBERED = 20_000
SUFFIX = re.compile(r"(?P<base>.+)_(?P<suffix>[A-Z0-9]{2,4})", re.ASCII | re.IGNORECASE)
# T_0K3 and C17 say nothing, wherever they stand.
TELLING = re.compile(r"[^\W\d_]{4,}")
SPELLING = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "ẞ": "SS", " ": "_", "-": "_"})
ALIVE = vocabulary.words(
    "AKTIV IST_AKTIV ACTIVE IS_ACTIVE GUELTIG AKTIV_KZ KZ_AKTIV AKTIVKZ AKTIV_FLAG ENABLED VALID"
)


class Match(IntEnum):
    """How a name matches what is wanted; the smaller, the stronger."""

    EXACT = 0
    SUFFIX = 1
    SYNONYM = 2
    SYNONYM_SUFFIX = 3
    LEARNED = 4
    AMBIGUOUS = 5
    NONE = 9

    @property
    def words(self) -> str:
        """Say it for the evidence."""
        return {
            Match.EXACT: "exact name",
            Match.SUFFIX: "name without suffix",
            Match.SYNONYM: "known synonym",
            Match.SYNONYM_SUFFIX: "known synonym without suffix",
            Match.LEARNED: "name approved at another center",
            Match.AMBIGUOUS: "word that is also used for other things",
            Match.NONE: "name says nothing",
        }[self]


@lru_cache(maxsize=REMEMBERED)
def stripped(name: str) -> str | None:
    """Give the name without its suffix of 2 to 4 letters and digits, None where it has none."""
    found = SUFFIX.fullmatch(name)
    return found["base"] if found else None


@lru_cache(maxsize=REMEMBERED)
def _spelled(name: str) -> str:
    """Give a name in the vocabulary's spelling."""
    return name.upper().translate(SPELLING)


@lru_cache(maxsize=REMEMBERED)
def _match(
    name: str, wanted: str, tiers: vocabulary.Tiers, whole: frozenset[str], learned: frozenset[str]
) -> Match:
    """Tell how `name` matches; names in `whole` mean something as they are: they keep their end."""
    spelled = _spelled(name)
    first, second = tiers
    base = "" if spelled in whole else stripped(name) or ""
    bare = _spelled(base)
    found = {
        Match.EXACT: name.upper() == wanted,
        Match.SYNONYM: spelled in first,
        Match.SUFFIX: base.upper() == wanted,
        Match.SYNONYM_SUFFIX: bare in first,
        Match.LEARNED: not learned.isdisjoint({spelled, bare}),
        Match.AMBIGUOUS: not second.isdisjoint({spelled, bare}),
    }
    return min((match for match, holds in found.items() if holds), default=Match.NONE)


_WHOLE_TABLES = frozenset(canonical.TABLES)
_WHOLE_COLUMNS = {table: frozenset(wanted) for table, wanted in canonical.TABLES.items()}


def table_matches(name: str, table: str, learned: Iterable[str] = ()) -> Match:
    """Tell how a table's name matches a wanted table."""
    known = frozenset(_spelled(word) for word in learned)
    return _match(name, table, vocabulary.TABLES[table], _WHOLE_TABLES, known)


def column_matches(name: str, table: str, column: str, learned: Iterable[str] = ()) -> Match:
    """Tell how a column's name matches a wanted column of a wanted table."""
    known = frozenset(_spelled(word) for word in learned)
    tiers = vocabulary.COLUMNS[table, column]
    return _match(name, column, tiers, _WHOLE_COLUMNS[table], known)


def tells(name: str) -> bool:
    """Tell whether a name has anything like a word in it."""
    return TELLING.search(name) is not None


def inverted(name: str) -> bool:
    """Tell whether a flag of that name says that a row is alive, not that it is deleted."""
    base = stripped(name)
    return _spelled(name) in ALIVE or (base is not None and _spelled(base) in ALIVE)
