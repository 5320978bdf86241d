"""What a day's files lack, have too much, or say otherwise than the source does.

Pure. Files carry no entry's id, so a patient's rows of a day are compared as a multiset, and the
order of the whole by itself. What the source changed after the files claim to be complete is left
out; nothing else is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeAlias

from schemas.ids import Id
from stream_app.files.reading import FileRow

__all__ = ["Changed", "Difference", "Due", "differences", "standing"]

FIELDS: Final = (
    "center_name",
    "insurance_status",
    "insurance_name",
    "chart_entry",
    "service_codes",
)
INSURANCE: Final = frozenset({"insurance_status", "insurance_name"})
SERVICES: Final = frozenset({"service_codes"})

Place: TypeAlias = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Due:
    """A row that the source says the files must have, and the entry it comes from."""

    entry_id: Id
    row: FileRow


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is `missing`, `surplus` or `different`, or a center's rows out of `order`.

    It has ids and names of fields, and nothing of what the rows say.
    """

    kind: str
    center_id: str
    day: date
    patient_id: str | None = None
    entry_id: Id | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """What a center's source changed lately, each with the version of its last change.

    Of a row that was deleted, or changed, nothing tells which patient and day it belonged to
    before; those are kept as versions alone.
    """

    places: Mapping[Place, int] = field(default_factory=dict)
    patients: Mapping[str, int] = field(default_factory=dict)
    entries: Sequence[int] = ()
    services: Sequence[int] = ()
    links: Sequence[int] = ()


def differences(
    center_id: str, day: date, due: Sequence[Due], found: Sequence[FileRow]
) -> list[Difference]:
    """Compare a center's rows of a day; both in the order in which files should have them."""
    if [one.row for one in due] == list(found):
        return []
    result: list[Difference] = []
    due_of: dict[str, list[Due]] = defaultdict(list)
    found_of: dict[str, list[FileRow]] = defaultdict(list)
    for one in due:
        due_of[one.row.patient_id].append(one)
    for row in found:
        found_of[row.patient_id].append(row)
    for patient in [*due_of, *(patient for patient in found_of if patient not in due_of)]:
        result += _of_patient(center_id, day, patient, due_of[patient], found_of[patient])
    if not result:
        result.append(Difference("order", center_id, day))
    return result


def _of_patient(
    center_id: str, day: date, patient: str, due: Sequence[Due], found: Sequence[FileRow]
) -> Iterable[Difference]:
    spare = Counter(found)
    lacking = []
    for one in due:
        if spare[one.row]:
            spare[one.row] -= 1
        else:
            lacking.append(one)
    surplus = list(spare.elements())
    pairs, lacking, surplus = _same_text(lacking, surplus)
    both = min(len(lacking), len(surplus))
    for one, row in [*pairs, *zip(lacking[:both], surplus[:both], strict=True)]:
        fields = tuple(name for name in FIELDS if getattr(one.row, name) != getattr(row, name))
        yield Difference("different", center_id, day, patient, one.entry_id, fields or ("date",))
    for one in lacking[both:]:
        yield Difference("missing", center_id, day, patient, one.entry_id)
    for _ in surplus[both:]:
        yield Difference("surplus", center_id, day, patient)


def _same_text(
    lacking: list[Due], surplus: list[FileRow]
) -> tuple[list[tuple[Due, FileRow]], list[Due], list[FileRow]]:
    """Pair rows of the same text first: they are the same entry, told otherwise."""
    pairs, alone = [], []
    by_text: dict[str, list[FileRow]] = defaultdict(list)
    for row in surplus:
        by_text[row.chart_entry].append(row)
    for one in lacking:
        same = by_text[one.row.chart_entry]
        if same:
            pairs.append((one, same.pop(0)))
        else:
            alone.append(one)
    return pairs, alone, [row for rows in by_text.values() for row in rows]


def standing(
    found: Iterable[Difference], changed: Changed, since: Mapping[date, int | None]
) -> tuple[list[Difference], list[Difference]]:
    """Split differences into those that stand and those that later changes explain.

    `since` gives, for each day, the version through which the files claim to be complete; where it
    is None they claim nothing and nothing is left out. A row that went from an unknown place
    explains one difference that fits it.
    """
    stands: list[Difference] = []
    left_out: list[Difference] = []
    used: Counter[str] = Counter()
    moved: set[tuple[object, ...]] = set()
    for one in found:
        version = since[one.day]
        explained = version is not None and (
            _is_touched(one, changed, version) or _is_moved(one, changed, version, used, moved)
        )
        (left_out if explained else stands).append(one)
    return stands, left_out


def _is_touched(one: Difference, changed: Changed, since: int) -> bool:
    if one.patient_id is None:
        return False
    return (
        changed.patients.get(one.patient_id, since) > since
        or changed.places.get((one.patient_id, one.day), since) > since
    )


def _is_moved(
    one: Difference,
    changed: Changed,
    since: int,
    used: Counter[str],
    moved: set[tuple[object, ...]],
) -> bool:
    """Tell whether a row of unknown former place is left that may have been here."""
    kind, versions = _former(one, changed)
    if kind == "":
        return False
    # A link that went explains all rows of the patient it was of, a service those of its day.
    day = one.day if kind == "services" else None
    of = (kind, one.patient_id, day)
    if kind != "entries" and of in moved:
        return True
    if used[kind] >= sum(version > since for version in versions):
        return False
    used[kind] += 1
    moved.add(of)
    return True


def _former(one: Difference, changed: Changed) -> tuple[str, Sequence[int]]:
    if one.kind == "surplus":
        return "entries", changed.entries
    if one.kind == "different" and INSURANCE.issuperset(one.fields):
        return "links", changed.links
    if one.kind == "different" and SERVICES.issuperset(one.fields):
        return "services", changed.services
    return "", ()
