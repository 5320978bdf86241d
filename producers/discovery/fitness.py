"""Whether a column can hold what is wanted, and whether its values look like it."""

from __future__ import annotations

from producers.canonical import Kind
from producers.catalog import EXACT, TEXTS, WHOLE, Column
from producers.discovery import fullness
from producers.discovery.evidence import Evidence
from producers.discovery.profiles import Profile

__all__ = ["can_hold", "evidence", "is_number", "live_values", "score", "upside_down"]

ENOUGH = 5
USUAL = frozenset({"0", "1", "FALSE", "TRUE"})
DEAD_LETTERS = frozenset({"J", "JA", "Y", "YES", "T", "TRUE", "W", "X", "1", "-1"})


def can_hold(kind: Kind, column: Column) -> bool:
    """Tell whether a column's type can hold what is wanted at all."""
    text = column.type in TEXTS
    length = column.length if column.length is not None else 1_000_000
    fits = False
    match kind:
        case Kind.ID:
            fits = column.family in {"number", "uuid"} or (text and 1 < length <= 64)
        case Kind.DATE:
            wide = column.type in {"int", "bigint"} or (column.precision or 0) >= 8
            fits = (column.family == "number" and wide) or (text and 8 <= length <= 40)
        case Kind.TEXT:
            fits = text and length >= 40
        case Kind.CODE:
            fits = text and 3 <= length <= 60
        case Kind.ART:
            fits = text and length <= 30
        case Kind.NAME | Kind.PERSON:
            fits = text and length >= 15
        case Kind.FLAG:
            fits = column.family in {"bit", "number"} or (text and length <= 10)
    return fits


def is_number(declared: str) -> bool:
    """Tell whether a type, as a mapping has it, holds whole numbers."""
    return declared.partition("(")[0] in WHOLE | EXACT


def _percent(share: float, profile: Profile, what: str) -> str:
    return f"{100 * share:.0f} % of {profile.given:,} values are {what}"


def score(  # noqa: PLR0911 - one answer a kind
    kind: Kind, column: Column, profile: Profile | None, wanted: str = ""
) -> Evidence | None:
    """Say how well the values fit, 0 to 1; None where there are too few to tell."""
    if profile is None or profile.given < ENOUGH:
        return None
    match kind:
        case Kind.DATE:
            # A short series of numbers can look like days; calendar dates have years around us.
            worth = 0.75 if profile.dates >= 0.95 else 0.5 if profile.dates >= 0.8 else 0.0
            return Evidence(_percent(profile.dates, profile, "calendar dates"), worth)
        case Kind.TEXT:
            return _text(profile)
        case Kind.CODE:
            return _code(profile)
        case Kind.ART:
            several = len(profile.arts_seen) > 2
            mixed = several and not profile.arts_seen.isdisjoint("123456789G")
            worth = 0.8 if mixed and "P" in profile.arts_seen else 0.5 if several else 0.1
            shown = profile.arts >= 0.9
            text = _percent(profile.arts, profile, "letters of insurers' kinds")
            return Evidence(text, worth if shown else 0.0)
        case Kind.NAME:
            return _name(profile)
        case Kind.PERSON:
            return _person(profile, wanted)
        case Kind.FLAG:
            return _flag(column, profile)
        case Kind.ID:
            return None


def _text(profile: Profile) -> Evidence:
    text = f"texts of {profile.average_length:.0f} characters on average"
    if profile.spaced < 0.3 or profile.letters < 0.7 or profile.average_length < 8:
        return Evidence(text, 0.0)
    return Evidence(text, min(0.75, 0.45 + profile.average_length / 150))


def _code(profile: Profile) -> Evidence:
    text = _percent(profile.codes, profile, "codes such as 01, 13b, Ä935")
    if profile.codes < 0.9 or profile.distinct < 3:
        return Evidence(text, 0.0)
    # Teeth (11 to 48) have the shape of codes, too; only codes have letters or a leading zero.
    return Evidence(text, 0.75 if profile.telling_codes >= 0.3 else 0.3)


def _name(profile: Profile) -> Evidence:
    text = f"{profile.distinct:,} different names in {profile.given:,} values"
    fits = profile.letters >= 0.95 and profile.average_length >= 5 and profile.variety >= 0.5
    return Evidence(text, 0.6 if fits else 0.0)


def _person(profile: Profile, wanted: str) -> Evidence:
    share = profile.given_names if wanted == "P_VORNAME" else profile.family_names
    other = profile.family_names if wanted == "P_VORNAME" else profile.given_names
    what = "frequent given names" if wanted == "P_VORNAME" else "frequent family names"
    text = _percent(share, profile, what)
    if profile.words < 0.6 and share < 0.3:
        return Evidence(text, 0.0)
    worth = 0.7 if share > max(0.25, 1.5 * other) else 0.1
    return Evidence(text, worth)


def _flag(column: Column, profile: Profile) -> Evidence:
    if profile.flags is None:
        return Evidence("values are no flags", 0.0)
    most = max(count for _, count in profile.flags) / profile.given
    shown = ", ".join(f"{value or 'blank'} {count:,}" for value, count in profile.flags)
    worth = 0.7 if most >= 0.7 else 0.3
    if column.family == "number" and {value for value, _ in profile.flags} == {"1"}:
        worth = 0.1
    return Evidence(f"flags: {shown}", worth)


def upside_down(profile: Profile | None) -> Evidence | None:
    """Say so where most rows would be deleted by a flag that is read in the usual way."""
    if profile is None or not profile.flags or profile.given < ENOUGH:
        return None
    dead = sum(count for value, count in profile.flags if value in DEAD_LETTERS)
    if 2 * dead <= profile.rows:
        return None
    text = f"read in the usual way, {dead:,} of {profile.rows:,} rows would be deleted"
    return Evidence(text, -0.5)


def evidence(kind: Kind, column: Column, profile: Profile | None, wanted: str) -> Evidence | None:
    """Say what the values are worth beside a name: for it, against it, or nothing."""
    if profile is None:
        return None
    # A flag may be NULL in most rows, which is the usual "not deleted"; in all of them it is empty.
    told = kind is Kind.FLAG and fullness.filled(profile)
    if not told and (hardly := fullness.evidence(profile)):
        return hardly
    found = score(kind, column, profile, wanted)
    if found is None:
        return None
    if found.weight > 0:
        return found
    strict = kind in {Kind.DATE, Kind.ART, Kind.CODE, Kind.FLAG} and profile.given >= 20
    if strict:
        return Evidence(found.text, -0.5)
    return Evidence(found.text, -0.1) if kind is Kind.TEXT else None


def live_values(
    column: Column, profile: Profile | None, *, inverted: bool
) -> tuple[str | None, ...] | None:
    """Give the values of a flag that mean "not deleted", None where they are the usual ones."""
    seen = {value for value, _ in profile.flags} if profile and profile.flags else set()
    letters = seen - USUAL
    if inverted:
        alive = sorted(seen & DEAD_LETTERS)
        return tuple(alive) or (("1",) if column.family in {"bit", "number"} else ("J",))
    if not letters:
        return None
    dead = seen & DEAD_LETTERS
    return (*sorted(seen - dead), None)
