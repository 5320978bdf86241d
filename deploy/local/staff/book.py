"""What the staff of one center know of its rows, and what a transaction changes in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from deploy.local.practice import baseline, insurers, layout
from deploy.local.practice.dice import pick

Image: TypeAlias = Mapping[str, object]
"""A row in canonical words: DATUM 20220118, DELKZ 0, 1 or None."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row before and after: without a before it is new, without an after it is gone."""

    table: str
    key: int
    before: Image | None
    after: Image | None


@dataclass(frozen=True, slots=True)
class Deed:
    """What staff do in one transaction; `followed` tells whether services come a little later."""

    name: str
    changes: tuple[Change, ...]
    followed: bool = False


@dataclass(slots=True)
class Book:
    """The newest rows of a center by table and id; ids that transactions have in hand are busy.

    The baseline's patients and insurers are never given out: those days stay as they are.
    """

    rows: dict[str, dict[int, Image]]
    patients: list[int]
    next_ids: dict[str, int]
    _busy: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Mapping[str, Iterable[Image]], patients: Iterable[int]) -> Book:
        kept = {role: {key_of(row): row for row in rows[role]} for role in layout.TRACKED}
        everybody = list(patients)
        next_ids = {role: max(kept[role], default=0) + 1 for role in layout.TRACKED}
        next_ids[layout.PATIENT] = max(everybody, default=0) + 1
        return cls(kept, [key for key in everybody if key not in baseline.PATIENTS], next_ids)

    def new_id(self, role: str) -> int:
        key = self.next_ids[role]
        self.next_ids[role] = key + 1
        return key

    def patient(self, dice: random.Random) -> int | None:
        return pick(dice, self.patients) if self.patients else None

    def find(
        self, dice: random.Random, role: str, fits: Callable[[Image], bool] = lambda _row: True
    ) -> Image | None:
        """Give a row that is free and fits, newer ones rather than older; None if luck is out."""
        keys = list(self.rows[role])
        for _ in range(30 if keys else 0):
            back = int(len(keys) * dice.random() ** 2)
            row = self.rows[role][keys[-1 - back]]
            if self._is_ours(role, row) and (role, key_of(row)) not in self._busy and fits(row):
                return row
        return None

    def all(self, role: str, fits: Callable[[Image], bool]) -> Sequence[Image]:
        """Give every free row that fits."""
        return [
            row
            for key, row in self.rows[role].items()
            if (role, key) not in self._busy and self._is_ours(role, row) and fits(row)
        ]

    def take(self, deed: Deed) -> None:
        """Keep the rows of a deed from others until it is over."""
        self._busy.update((change.table, change.key) for change in deed.changes)

    def release(self, deed: Deed) -> None:
        self._busy.difference_update((change.table, change.key) for change in deed.changes)

    def apply(self, deed: Deed) -> None:
        """Note a deed that was committed."""
        for change in deed.changes:
            if change.table == layout.PATIENT:
                self.patients.append(change.key)
            elif change.after is None:
                self.rows[change.table].pop(change.key, None)
            else:
                self.rows[change.table][change.key] = change.after

    @staticmethod
    def _is_ours(role: str, row: Image) -> bool:
        if role == layout.KASSEN:
            return row["NAME"] not in BASELINE_INSURERS
        return row["PATIENTID" if role == layout.LEISTUNG else "PATNR"] not in baseline.PATIENTS


BASELINE_INSURERS = frozenset(name for name, _ in insurers.BASELINE)


def key_of(row: Image) -> int:
    """Give the id of a row; those of the generated practices are whole numbers."""
    key = row["ID"]
    if not isinstance(key, int):
        raise TypeError(f"an id of the generated practices is an int, not {type(key).__name__}")
    return key
