"""Whether the events of a center say what its staff's journal says, at every checkpoint.

The truth is what was committed, version by version, told without the product's rules. Where the
source's past was lost (TRUNCATE, a restore, a table made anew) a new era begins: the next
checkpoints stand on other ground, and so does the truth.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from deploy.local.practice import layout
from deploy.local.practice.blueprint import Practice
from deploy.local.staff.journal import Commit
from schemas.ids import IdType, Role
from schemas.records import ChartEntry, Insurer, PatientInsurance, SourceEvent
from tests.events import Event, History, Step
from tests.oracle import Rows, date_of

__all__ = ["Era", "Told", "Truth", "compare"]

Key: TypeAlias = tuple[str, str]
Facts: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class Era:
    """A stretch of the source's past in which versions rise and mean something."""

    rows: Rows
    commits: list[Commit] = field(default_factory=list)


@dataclass(slots=True)
class Told:
    """What `compare` found: how much it compared, and what was sent again after a crash."""

    events: int = 0
    compared: int = 0
    repeated: int = 0


class Truth:
    """What the events of a center must say: its rows by the domain's rules, at any version."""

    def __init__(self, practice: Practice, ids: Mapping[Role, IdType], rows: Rows) -> None:
        self._id: dict[Role, Callable[[Any], int | str]] = {
            role: int if type_ is IdType.INTEGER else _text for role, type_ in ids.items()
        }
        self._stored = practice.table(layout.KARTEI).column("PATNR").store.stored
        self.eras = [Era(copy.deepcopy(rows))]

    def key(self, table: str, id_: object) -> Key:
        return table, str(self._id[ROLES[table]](id_))

    def facts(self, table: str, row: Mapping[str, Any]) -> Facts | None:
        """Give what is said of a row, None where nothing is: it is dead, or breaks a rule."""
        if table == "KASSEN":
            return (row["NAME"], row["ART"])
        if row["DELKZ"] or self.is_broken(table, row):
            return None
        patient = self._patient(row)
        if table == "PATKASSE":
            insurer = row["KASSENID"]
            return patient, None if insurer is None else self._id[Role.INSURER](insurer)
        text = row["BEMERKUNG"] if table == "KARTEI" else row["LEISTUNG"]
        return patient, date_of(row["DATUM"]), text or ""

    def is_broken(self, table: str, row: Mapping[str, Any]) -> bool:
        """Tell whether a row is live and yet can't be said: no such date, or no patient."""
        if table == "KASSEN" or row["DELKZ"]:
            return False
        undated = table in {"KARTEI", "LEISTUNG"} and date_of(row["DATUM"]) is None
        return undated or self._patient(row) is None

    def _patient(self, row: Mapping[str, Any]) -> Any:
        found = row["PATIENTID" if "PATIENTID" in row else "PATNR"]
        return None if found is None else self._id[Role.PATIENT](self._stored(found))


ROLES = {
    "KASSEN": Role.INSURER,
    "PATKASSE": Role.LINK,
    "KARTEI": Role.ENTRY,
    "LEISTUNG": Role.SERVICE,
}


def _text(value: object) -> str:
    return str(value).rstrip(" ")


def said(record: SourceEvent) -> Facts:
    """Give the same facts from an event's record."""
    match record:
        case Insurer():
            return record.name, record.kind
        case PatientInsurance():
            return record.patient_id, record.insurer_id
        case ChartEntry():
            return record.patient_id, record.entry_date, record.chart_entry
        case _:
            return record.patient_id, record.service_date, record.code


class _Replay:
    """An era replayed: what was true at a version, and what became true afterwards."""

    def __init__(self, truth: Truth, era: Era) -> None:
        self._truth = truth
        self._commits = era.commits
        self._next = 0
        self.version = 0
        self.facts: dict[Key, Facts] = {}
        self.broken: set[Key] = set()
        for table, rows in era.rows.items():
            if table in ROLES:
                for row in rows.values():
                    self._note(table, row["ID"], row)

    def to(self, version: int) -> None:
        """Go on to a version; there is no way back."""
        while self._next < len(self._commits):
            commit = self._commits[self._next]
            if (commit.version or 0) > version:
                break
            for change in commit.changes:
                self._note(change.table, change.key, change.after)
            self._next += 1
        self.version = version

    def to_the_end(self) -> None:
        self.to(max([self.version, *(commit.version or 0 for commit in self._commits)]))

    def later(self) -> Mapping[Key, list[Facts | None]]:
        """Give what each row that changes after this version is to become."""
        found: dict[Key, list[Facts | None]] = defaultdict(list)
        for commit in self._commits[self._next :]:
            for change in commit.changes:
                after = change.after
                key = self._truth.key(change.table, change.key)
                found[key].append(None if after is None else self._truth.facts(change.table, after))
        return found

    def _note(self, table: str, id_: object, row: Mapping[str, Any] | None) -> None:
        key = self._truth.key(table, id_)
        facts = None if row is None else self._truth.facts(table, row)
        if facts is None:
            self.facts.pop(key, None)
        else:
            self.facts[key] = facts
        if row is not None and self._truth.is_broken(table, row):
            self.broken.add(key)
        else:
            self.broken.discard(key)


def compare(history: History, truth: Truth) -> Told:
    """Hold every event and every checkpoint of a center against the truth."""
    return _Comparison(history, truth).run()


class _Comparison:
    def __init__(self, history: History, truth: Truth) -> None:
        self._history = history
        self._eras = iter(truth.eras)
        self._truth = truth
        self._ground: object = None
        self._replay = _Replay(truth, truth.eras[0])
        self._facts: dict[Key, Facts] = {}
        self._told = Told()
        self._versions: dict[Key, int] = {}
        self._sent: dict[str, int] = {}
        self._slices: set[tuple[Key, int]] = set()
        self._reading = self._mixed = False
        self._position = -1

    def run(self) -> Told:
        center = self._history.center_id
        assert [] == self._history.uncovered, f"{center}: events that no checkpoint covers"
        for number, step in enumerate(self._history.steps):
            try:
                self._take(step)
            except AssertionError as error:
                where = f"{center}, checkpoint {number}: {_shown(step)}"
                raise AssertionError(f"{where}: {error}") from None
        assert None is next(self._eras, None), f"{center}: the last era was never read"
        assert not self._reading, f"{center}: not all rows are read"
        self._replay.to_the_end()
        self._same(self._replay.facts, "at the end")
        broken = {row for _, row in self._replay.broken}
        assert broken == {row for _, row in self._history.letters}, "other dead letters stand"
        return self._told

    def _take(self, step: Step) -> None:
        checkpoint = step.checkpoint
        ground = checkpoint.database_identity, checkpoint.tables
        if ground != self._ground:
            era = next(self._eras, None)
            assert era is not None, "the ground has changed, the truth's has not"
            self._ground, self._replay = ground, _Replay(self._truth, era)
            self._versions, self._sent, self._slices = {}, {}, set()
            self._position = -1
        assert checkpoint.version >= self._position, "a position went back"
        offsets = {at.topic: at.offset for at in checkpoint.offsets}
        assert step.ends == offsets, "offsets that are not where the events end"
        begins = self._position
        reading = self._reading or checkpoint.snapshot is not None
        for event in step.events:
            self._event(event, checkpoint.version, begins, reading=reading)
            if checkpoint.partial and not reading:
                self._slices.add(((event.table, event.row), event.version))
        self._reading = checkpoint.snapshot is not None
        self._position = checkpoint.version
        if not checkpoint.partial:
            self._slices = set()
            self._whole(step, mixed=reading)

    def _event(self, event: Event, upto: int, above: int, *, reading: bool) -> None:
        key = event.table, event.row
        self._told.events += 1
        before = self._versions.get(key, -1)
        if reading:
            assert event.operation in {"snapshot", "resync", "delete"}, f"{event} while reading all"
            assert event.version == upto, f"{event} is of another version than the reading"
        elif (key, event.version) in self._slices:
            self._told.repeated += 1
            self._sent[event.table] = event.version
        else:
            assert event.operation in {"insert", "update", "delete"}, f"{event} out of a reading"
            assert event.version > above, f"{event} was covered before"
            assert event.version > before, f"{event} again or late, after version {before}"
            assert event.version >= self._sent.get(event.table, -1), f"{event} out of order"
            self._sent[event.table] = event.version
        assert event.version >= before, f"{event} goes back behind {before}"
        self._versions[key] = event.version
        if event.record is None:
            self._facts.pop(key, None)
        else:
            self._facts[key] = said(event.record)
            assert event.row == str(_id_of(event.record)), f"{event} has another id than its key"
            assert event.version == event.record.source_version, f"{event} has two versions"

    def _whole(self, step: Step, *, mixed: bool) -> None:
        checkpoint = step.checkpoint
        late = [event for event in step.events if event.version > checkpoint.version]
        assert [] == late, "events beyond the version that covers them"
        self._replay.to(checkpoint.version)
        if mixed:
            self._between()
        else:
            self._same(self._replay.facts, f"at version {checkpoint.version}")
            assert len(self._replay.broken) == checkpoint.dead_letters, "dead letters miscounted"
        self._told.compared += 1

    def _same(self, due: Mapping[Key, Facts], when: str) -> None:
        if due != self._facts:
            raise AssertionError(f"not the source's rows {when}: {_differences(due, self._facts)}")

    def _between(self) -> None:
        """Rows that were read while staff went on are as they were then, or became later."""
        due, later = self._replay.facts, self._replay.later()
        for key in due.keys() | self._facts.keys():
            allowed = [due.get(key), *later.get(key, ())]
            found = self._facts.get(key)
            assert found in allowed, f"{key} never was {found}; but {allowed}"


def _id_of(record: SourceEvent) -> object:
    match record:
        case Insurer():
            return record.insurer_id
        case PatientInsurance():
            return record.link_id
        case ChartEntry():
            return record.entry_id
        case _:
            return record.service_id


def _shown(step: Step) -> str:
    at = step.checkpoint
    return f"version {at.version}{' partial' if at.partial else ''}, {len(step.events)} events"


def _differences(due: Mapping[Key, Facts], found: Mapping[Key, Facts], most: int = 5) -> str:
    wrong = sorted(key for key in due.keys() | found.keys() if due.get(key) != found.get(key))
    shown = [f"{key}: due {due.get(key)}, found {found.get(key)}" for key in wrong[:most]]
    return f"{len(wrong)} rows differ; " + "; ".join(shown)
