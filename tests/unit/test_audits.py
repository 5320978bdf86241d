"""What holds the feed against the journal must itself see what is wrong."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from deploy.local import practices
from deploy.local.practices import Request
from deploy.local.staff.book import Change
from deploy.local.staff.journal import Commit
from schemas.ids import IdType, Role
from tests import oracle
from tests.comparison import Truth
from tests.faulting.audits import Audit
from tests.faulting.past import Past
from tests.feeding import Claim, Samples, check, due

PRACTICE, *_ = practices.plan(Request(count=1, patients=5, tables=10, seed=3))
DAY = date(2022, 1, 18)


@dataclass
class Told:
    """A center, and commits on one of its entries."""

    center: oracle.Center = field(default_factory=lambda: oracle.Center.of(PRACTICE))
    commits: list[Commit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.truth = Truth(PRACTICE, dict.fromkeys(Role, IdType.INTEGER), self.center.rows)
        rows = self.center.rows["KARTEI"].values()
        number = DAY.year * 10000 + DAY.month * 100 + DAY.day
        self.row = next(row for row in rows if row["DATUM"] == number and not row["DELKZ"])
        self.past = Past(PRACTICE.center_id, self.truth, PRACTICE)

    def write(self, text: str) -> None:
        """Commit another text of the entry."""
        after = {**self.row, "BEMERKUNG": text}
        change = Change("KARTEI", self.row["ID"], self.row, after)
        version = len(self.commits) + 1
        commit = Commit(version, PRACTICE.center_id, version, "", "text", (change,))
        self.commits.append(commit)
        self.truth.eras[-1].commits.append(commit)
        self.row = after
        self.past.learn()

    def claim(self, version: int, upto: int) -> Claim:
        """Give what a file says that shows the commits up to one, and claims another version."""
        shown = deepcopy(self.center).apply(self.commits[:upto])
        return Claim(PRACTICE.center_id, DAY, version, due(shown, DAY))

    @property
    def key(self) -> tuple[date, str]:
        return DAY, str(self.row["ID"])

    @property
    def facts(self) -> Any:
        return self.past.states[self.key][-1]


@pytest.fixture
def told() -> Told:
    made = Told()
    for text in ("one", "two", "three"):
        made.write(text)
    return made


def test_a_claim_that_is_true_passes(told: Told) -> None:
    assert 1 == check(deepcopy(told.center), told.commits, [told.claim(2, upto=2)])


def test_a_claim_of_what_is_not_in_the_file_is_false(told: Told) -> None:
    with pytest.raises(AssertionError, match="are false"):
        check(deepcopy(told.center), told.commits, [told.claim(3, upto=2)])


def test_rows_that_never_were_make_a_claim_false(told: Told) -> None:
    claim = told.claim(2, upto=2)
    early = [(*row[:3], "never", row[4]) if row[3] == "two" else row for row in claim.rows]

    with pytest.raises(AssertionError, match="are false"):
        check(deepcopy(told.center), told.commits, [replace(claim, rows=early)])


def audit(told: Told) -> Audit:
    @dataclass
    class Only:
        pasts: dict[str, Past]

    return Audit(Only({PRACTICE.center_id: told.past}))  # type: ignore[arg-type]


def test_a_row_may_skip_what_it_was_but_never_go_back(told: Told) -> None:
    states = told.past.states[told.key]
    held = audit(told)
    held._step(PRACTICE.center_id, told.key, states[1])
    held._step(PRACTICE.center_id, told.key, states[-1])

    with pytest.raises(AssertionError, match="it may only become"):
        held._step(PRACTICE.center_id, told.key, states[2])


def test_a_row_is_not_shown_as_it_never_was(told: Told) -> None:
    with pytest.raises(AssertionError, match="it may only become"):
        audit(told)._step(PRACTICE.center_id, told.key, (*told.facts[:3], "never", ()))


def test_a_row_that_is_missing_in_the_topic_is_missed(told: Told) -> None:
    held = audit(told)
    for key, states in told.past.states.items():
        held._shown[PRACTICE.center_id, key] = states[-1]
    held._hold_topic()
    del held._shown[PRACTICE.center_id, told.key]

    with pytest.raises(AssertionError, match="topic and journal differ"):
        held._hold_topic()


def test_a_file_cut_short_fails_a_sample(tmp_path: Path) -> None:
    content = b'{"target_date":"2022-01-18","record_count":0,"entries":[]}\n'
    name = "ivoris_chart_entries_2022-01-18"
    manifest = {
        "format": 1,
        "target_date": "2022-01-18",
        "written_at": "2022-01-19T00:00:00Z",
        "record_count": 0,
        "files": {
            "json": {
                "name": f"{name}.json",
                "bytes": len(content),
                "sha256": sha256(content).hexdigest(),
            }
        },
        "centers": [],
    }
    (tmp_path / f"{name}.manifest.json").write_bytes(orjson.dumps(manifest))
    (tmp_path / f"{name}.json").write_bytes(content)
    samples = Samples(tmp_path, frozenset(), random.Random(1))
    samples.take()
    assert samples.files == 1
    (tmp_path / f"{name}.json").write_bytes(content[:30])

    with pytest.raises(orjson.JSONDecodeError):
        samples.take()
