"""Whether all that a feed has said is true: its events, its unified rows, its files, its claims."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson
from pyarrow import parquet

from deploy.local.staff.journal import Commit
from schemas import topics
from schemas.records import UnifiedEntry
from stream_app.files.manifest import Manifest, parse
from tests.comparison import compare
from tests.events import committed, decoded, histories, key_of
from tests.faulting.ground import Ground
from tests.faulting.past import Facts, Key
from tests.feeding import Claim, Row, check, row_of
from tests.oracle import Center

__all__ = ["Audit", "difference"]

STEM: Final = "ivoris_chart_entries_"
MANIFEST: Final = ".manifest.json"

READING: Final = frozenset({"snapshot", "resync"})
"""What a file says of a center that is read anew: its rows are of several times."""
Lost: TypeAlias = tuple[date, int | None, datetime | None]
"""What a file claims of commits that a restore has taken back: day, version, when it was read."""


def difference(ground: Ground) -> str | None:
    """Tell how the files differ from what was committed, None where they say just that."""
    found: defaultdict[str, dict[date, list[Row]]] = defaultdict(dict)
    for day, entries in _files(ground.output):
        for entry in entries:
            found[entry["center_id"]].setdefault(day, []).append(row_of(entry))
    for name, past in ground.pasts.items():
        due = past.now()
        shown = found[name]
        for day in due.keys() | shown.keys():
            wanted, there = due.get(day, []), shown.get(day, [])
            if wanted != there:
                return f"{name} {day}: {_apart(wanted, there)}"
    return _incomplete(ground)


def _apart(due: list[Row], found: list[Row], most: int = 2) -> str:
    missing, surplus = Counter(due) - Counter(found), Counter(found) - Counter(due)
    return (
        f"{len(due)} rows are due and {len(found)} there, {missing.total()} of them missing "
        f"{list(missing)[:most]} and {surplus.total()} surplus {list(surplus)[:most]}"
    )


def _incomplete(ground: Ground) -> str | None:
    """Tell of a center that the newest manifest does not call complete up to now."""
    versions = {name: scene.version() for name, scene in ground.scenes.items()}
    # One of tomorrow was written by a clock that was wrong, for a day that nobody touched since.
    now = datetime.now(UTC)
    manifests = [found for found in _manifests(ground) if found.written_at <= now]
    if not manifests:
        return "there are no files"
    newest = max(manifests, key=lambda found: found.written_at)
    lines = {line.center_id: line for line in newest.centers}
    for name, version in versions.items():
        line = lines.get(name)
        claimed = None if line is None else line.complete_through
        if claimed is None or (claimed.version or 0) < version:
            return f"{name}: version {version} is due, the files claim {line}"
    # What an older owner put over a newer one's is found by its hash, within half a minute.
    return next(
        filter(None, (_another(one, _contents(one, ground.output)) for one in manifests)), None
    )


def _contents(manifest: Manifest, output: Path) -> dict[str, bytes]:
    """Give what the files of a day hold, by format."""
    return {format_: (output / file.name).read_bytes() for format_, file in manifest.files.items()}


def _another(manifest: Manifest, contents: Mapping[str, bytes]) -> str | None:
    """Tell which file is not the one that the manifest was written with."""
    for format_, file in manifest.files.items():
        content = contents[format_]
        if (len(content), sha256(content).hexdigest()) != (file.bytes, file.sha256):
            return f"{file.name} is another file than its manifest's"
    return None


def _manifests(ground: Ground) -> list[Manifest]:
    return [
        parse(path.read_bytes(), path.name) for path in ground.output.glob(f"{STEM}*{MANIFEST}")
    ]


def _files(output: Path) -> Iterator[tuple[date, list[dict[str, Any]]]]:
    for path in sorted(output.glob(f"{STEM}*.json")):
        if not path.name.endswith(MANIFEST):
            day = date.fromisoformat(path.name.removeprefix(STEM).removesuffix(".json"))
            yield day, orjson.loads(path.read_bytes())["entries"]


def _cells(entry: Mapping[str, Any]) -> dict[str, str]:
    """Give a row of a JSON file as the CSV shows it."""
    return {
        name: ",".join(value) if isinstance(value, list) else "" if value is None else str(value)
        for name, value in entry.items()
    }


class Audit:
    """Holds a settled feed against the journal, again and again: what was checked is kept."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._read: dict[int, int] = {}
        self._at: defaultdict[str, dict[Key, int]] = defaultdict(dict)
        self._shown: dict[tuple[str, Key], Facts | None] = {}
        self._revisions: dict[bytes, tuple[int, Facts]] = {}
        self._ended: set[bytes] = set()
        self._before: dict[str, Center] = {}
        self._commits: dict[str, int] = {}
        self._eras: dict[str, int] = {}
        self._lost: dict[str, set[Lost]] = {}
        self.events = 0
        self.transitions = 0
        self.again = 0
        """Rows, or their ends, that were sent again: their writer died before it knew."""
        self.claims = 0

    def begin(self) -> None:
        """Take what is there now for granted: what came before was a first reading of all."""
        self._follow(self._ground.pasts)
        self._mark()

    def all(self, claims: Iterable[Claim], reread: Collection[str] = ()) -> None:
        """Assert that nothing is lost, doubled, disordered, early, or claimed in vain.

        The rows of a center that was read anew may have been of several times meanwhile.
        """
        self._hold_events()
        self._follow(reread)
        self._hold_topic()
        self._hold_files()
        self._hold_claims(list(claims), reread)
        self._mark()

    def compacted(self) -> None:
        """Assert what holds of topics that have lost their past: the last is right.

        All is read again, for the tombstone of what was read before may be gone already.
        """
        self._read.clear()
        self._shown.clear()
        self._revisions.clear()
        self._ended.clear()
        self._follow(self._ground.pasts)
        self._hold_topic()
        self._hold_files()

    def _mark(self) -> None:
        """Take each era's begin as what claims are held against: a file may claim little."""
        for name, past in self._ground.pasts.items():
            eras = self._ground.scenes[name].truth.eras
            if self._eras.get(name) != len(eras):
                if name in self._eras:
                    self._lost[name] = self._claimed_above(name)
                self._before[name], self._eras[name] = past.copy(), len(eras)
                self._commits[name] = len(eras[-1].commits)

    def _claimed_above(self, name: str) -> set[Lost]:
        """Give what files claim of versions that a restored source has not reached yet.

        They speak of commits that the restore has taken back; a file that has not changed since
        says so still, by the moment at which they were read.
        """
        version = self._ground.scenes[name].version()
        return {
            (found.target_date, line.complete_through.version, line.complete_through.captured_at)
            for found in _manifests(self._ground)
            for line in found.centers
            if line.center_id == name
            and line.complete_through is not None
            and (line.complete_through.version or 0) > version
        }

    def _hold_events(self) -> None:
        """Hold the source topics, read committed: each change once, in order, none too early."""
        ground = self._ground
        found = histories({"bootstrap.servers": ground.bootstrap}, ground.scenes)
        self.events = 0
        for name, scene in ground.scenes.items():
            told = compare(found[name], scene.truth)
            self.events += told.events
            assert told.repeated == 0, f"{name}: {told.repeated} events were sent again"

    def _follow(self, reread: Collection[str]) -> None:
        """Hold the unified topic: each row becomes only what the journal says, in its order."""
        where = range(12)
        for message in committed(
            {"bootstrap.servers": self._ground.bootstrap}, [topics.UNIFIED_ENTRIES], where
        ):
            place, offset = int(message.partition() or 0), int(message.offset() or 0)
            if offset < self._read.get(place, 0):
                continue
            self._read[place] = offset + 1
            day, center, row = key_of(message).split("/", 2)
            if center not in self._ground.pasts:
                continue
            key = date.fromisoformat(day), row
            facts = self._facts(message)
            self._shown[center, key] = facts
            if center not in reread:
                self._step(center, key, facts)
        for center in reread:
            states = self._ground.pasts[center].states
            self._at[center] = {key: len(known) - 1 for key, known in states.items()}

    def _facts(self, message: Any) -> Facts | None:
        """Give what a row says; what is sent again has the same revision, and says the same."""
        key = message.key()
        if message.value() is None:
            self.again += key in self._ended
            self._ended.add(key)
            return None
        row: UnifiedEntry = decoded(UnifiedEntry, message)
        facts: Facts = (
            row.patient_id,
            row.insurance_status,
            row.insurance_name,
            row.chart_entry,
            tuple(row.service_codes),
        )
        revision, before = self._revisions.get(key, (-1, facts))
        assert row.revision >= revision, f"{key!r} went back"
        if row.revision == revision:
            assert facts == before, f"{key!r} says two things at revision {revision}"
            self.again += 1
        else:
            says_nothing = revision >= 0 and facts == before and key not in self._ended
            assert not says_nothing, f"{key!r} says at revision {row.revision} what it had said"
        self._revisions[key] = row.revision, facts
        self._ended.discard(key)
        return facts

    def _step(self, center: str, key: Key, facts: Facts | None) -> None:
        states = self._ground.pasts[center].states[key]
        at = self._at[center].get(key, 0)
        self.transitions += 1
        try:
            self._at[center][key] = states.index(facts, at)
        except ValueError:
            raise AssertionError(
                f"{center} {key} became {facts}; after {states[at]} it may only become"
                f" {states[at + 1 :]}"
            ) from None

    def _hold_topic(self) -> None:
        """Hold the last under each key: the row as it is, and no other key has one."""
        for center, past in self._ground.pasts.items():
            due = {key: states[-1] for key, states in past.states.items()}
            shown = {key: facts for (name, key), facts in self._shown.items() if name == center}
            for key in due.keys() | shown.keys():
                assert due.get(key) == shown.get(key), f"{center} {key}: topic and journal differ"

    def _hold_files(self) -> None:
        """Hold each manifest: its files are those it was written with, and say all the same."""
        for manifest in _manifests(self._ground):
            contents = _contents(manifest, self._ground.output)
            another = _another(manifest, contents)
            assert another is None, another
            day, entries = manifest.target_date, orjson.loads(contents["json"])["entries"]
            lines = list(csv.DictReader(StringIO(contents["csv"].decode(), newline="")))
            assert lines == [_cells(entry) for entry in entries], f"{day}: CSV and JSON differ"
            table = parquet.read_table(BytesIO(contents["parquet"])).to_pylist()
            assert lines == [_cells(entry) for entry in table], f"{day}: CSV and Parquet differ"
            assert len(entries) == manifest.record_count, f"{day}: {len(entries)} rows"
            counted = Counter(entry["center_id"] for entry in entries)
            for line in manifest.centers:
                assert line.record_count == counted[line.center_id], f"{day}: {line}"

    def _hold_claims(self, claims: list[Claim], reread: Collection[str]) -> None:
        for name, before in self._before.items():
            eras = self._ground.scenes[name].truth.eras
            if len(eras) != self._eras[name]:
                self._hold_since_a_restore(name, claims)
                continue  # Versions from before it mean something else by now.
            commits: list[Commit] = [*eras[-1].commits[self._commits[name] :]]
            lost = self._lost.get(name, set())
            held = [
                one
                for one in claims
                if (one.day, one.version, one.captured_at) not in lost
                and not (name in reread and one.behind in READING)
            ]
            self.claims += check(deepcopy(before), commits, held)

    def _hold_since_a_restore(self, name: str, claims: Iterable[Claim]) -> None:
        """Hold what was claimed through a moment since a backup had been put back."""
        since = self._ground.restored[name]
        held = [
            one
            for one in claims
            if one.captured_at is not None and one.captured_at > since and one.behind not in READING
        ]
        commits = self._ground.scenes[name].truth.eras[-1].commits
        self.claims += check(self._ground.pasts[name].begun(), [*commits], held)
