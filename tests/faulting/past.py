"""What every unified row of a center has been since it was first settled, told by the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from deploy.local.staff.journal import Commit
from tests import oracle
from tests.comparison import Truth
from tests.feeding import Row

__all__ = ["Facts", "Key", "Past"]

Key: TypeAlias = tuple[date, str]
Facts: TypeAlias = Row
Order: TypeAlias = tuple[Any, Any]

OF_PATIENTS = ("KARTEI", "LEISTUNG", "PATKASSE")


@dataclass(frozen=True, slots=True)
class _Row:
    facts: Facts
    order: Order


class Past:
    """A center's rows now, and in `states` all that each was before; None is: not there."""

    def __init__(self, center: str, truth: Truth, practice: Any) -> None:
        self.center = center
        self._truth = truth
        self._own = oracle.Center.of(practice)
        self._era = -1
        self._taken = 0
        self._theirs: dict[str, defaultdict[Any, dict[int, dict[str, Any]]]] = {}
        self._rows: dict[Any, dict[Key, _Row]] = {}
        self.states: defaultdict[Key, list[Facts | None]] = defaultdict(lambda: [None])
        self.learn()

    def learn(self) -> None:
        """Take in what was committed since, and what a restore has put in the place of all."""
        while True:
            if self._era >= 0:
                commits = self._truth.eras[self._era].commits
                for commit in commits[self._taken :]:
                    self._apply(commit)
                self._taken = len(commits)
            if self._era + 1 == len(self._truth.eras):
                return
            self._era, self._taken = self._era + 1, 0
            self._own.rows = {**self._own.rows, **deepcopy(self._truth.eras[self._era].rows)}
            self._sort()
            self._compute(self._everybody() | self._rows.keys())

    def now(self) -> Mapping[date, list[Facts]]:
        """Give the rows of each day in the order of its file."""
        found: defaultdict[date, list[_Row]] = defaultdict(list)
        for rows in self._rows.values():
            for (day, _), row in rows.items():
                found[day].append(row)
        return {
            day: [row.facts for row in sorted(rows, key=lambda row: row.order)]
            for day, rows in found.items()
        }

    def copy(self) -> oracle.Center:
        """Give the source's rows as they are now."""
        return oracle.Center(self.center, deepcopy(self._own.rows), ids=self._own.ids)

    def begun(self) -> oracle.Center:
        """Give the source's rows as they were when the newest era began."""
        rows = deepcopy({**self._own.rows, **self._truth.eras[-1].rows})
        return oracle.Center(self.center, rows, ids=self._own.ids)

    def _apply(self, commit: Commit) -> None:
        touched: set[Any] = set()
        for change in commit.changes:
            images = [image for image in (change.before, change.after) if image is not None]
            if change.table == "KASSEN":
                touched |= {
                    link["PATNR"]
                    for link in self._own.rows["PATKASSE"].values()
                    if link["KASSENID"] == change.key
                }
            else:
                touched |= {_patient(image) for image in images}
        self._own.apply([commit])
        for change in commit.changes:
            if change.table in self._theirs:
                of, rows = self._theirs[change.table], self._own.rows[change.table]
                if change.before is not None:
                    del of[_patient(change.before)][change.key]
                if change.after is not None:
                    of[_patient(change.after)][change.key] = rows[change.key]
        self._compute(touched)

    def _sort(self) -> None:
        """Have each patient's rows at hand: what is told of one takes no look at the others."""
        self._theirs = {}
        for table in OF_PATIENTS:
            found = self._theirs[table] = defaultdict(dict)
            for key, row in self._own.rows[table].items():
                found[_patient(row)][key] = row

    def _everybody(self) -> set[Any]:
        return {row["PATNR"] for row in self._own.rows["KARTEI"].values()}

    def _compute(self, patients: Iterable[Any]) -> None:
        wanted = set(patients) - {None}
        before: dict[Key, _Row] = {}
        after: dict[Key, _Row] = {}
        for patient in wanted:
            before |= self._rows.pop(patient, {})
            rows = self._of(patient)
            after |= rows
            if rows:
                self._rows[patient] = rows
        for key in before.keys() | after.keys():
            now = after[key].facts if key in after else None
            if self.states[key][-1] != now:
                self.states[key].append(now)

    def _of(self, patient: Any) -> dict[Key, _Row]:
        found = {}
        theirs = {table: of[patient] for table, of in self._theirs.items()}
        rows = {"KASSEN": self._own.rows["KASSEN"], **theirs}
        alone = oracle.Center(self.center, rows, ids=self._own.ids)
        for row in theirs["KARTEI"].values():
            day = oracle.date_of(row["DATUM"])
            if day is None or row["DELKZ"]:
                continue
            said = alone._unified(row, day)
            facts = (
                said.patient_id,
                said.insurance_status,
                said.insurance_name,
                said.chart_entry,
                said.service_codes,
            )
            key = day, self._truth.key("KARTEI", row["ID"])[1]
            found[key] = _Row(facts, (oracle._in_order(said.patient_id), row["ID"]))
        return found


def _patient(image: Mapping[str, Any]) -> Any:
    return image["PATIENTID"] if "PATIENTID" in image else image["PATNR"]
