"""Scenes: practices of the tests' own, whose every commit is known, and producers for them."""

from __future__ import annotations

import copy
import itertools
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chartfeed import cli
from deploy.local import practices
from deploy.local.practice import layout, statements
from deploy.local.practices import Practice, Request
from deploy.local.staff import deeds
from deploy.local.staff.book import Change
from deploy.local.staff.desk import Clock, Desk
from deploy.local.staff.journal import Commit, Journal, read
from deploy.local.staff.work import utc_now
from producers import connection, quoting
from producers.mapping import Mapping
from schemas import topics
from schemas.records import Checkpoint
from tests import approved, oracle
from tests.comparison import Told, Truth, compare
from tests.events import Kafka, Seen, Watch, histories
from tests.practices_on import images
from tests.practices_on import settings as login_of
from tests.producing import Produce, Wound, producing
from tests.standin import running

__all__ = ["READER", "Scene", "Stage", "named_apart", "stage"]

READER = "chartfeed"


@dataclass(slots=True)
class Stage:
    """A stand-in with approved practices, and the broker and the registry that they share."""

    folder: Path
    config: Path
    planned: dict[str, Practice]
    mappings: dict[str, Mapping]
    sa: connection.Settings
    kafka: Kafka
    watch: Watch

    def scene(self, center: str) -> Scene:
        """Give a practice that nobody else uses."""
        return Scene(self, self.planned[center])

    def configured(self, name: str, **changes: Any) -> Path:
        """Give another configuration beside the first."""
        path = self.config.with_name(name)
        path.write_text(json.dumps(json.loads(self.config.read_text()) | changes))
        return path


def named_apart(word: str, count: int, partitions: int = 12) -> list[str]:
    """Give centers' names whose partitions are taken in turn, so that few share one.

    The partitions lie far apart, so that each of several workers has some of the centers.
    """
    far = sorted(range(partitions), key=lambda at: at * 7 % partitions)
    taken: dict[int, list[str]] = {at: [] for at in far}
    for number in itertools.count(1):
        name = f"{word}_{number:03}"
        taken[topics.partition_of_center(name, partitions)].append(name)
        if all(len(names) * partitions >= count for names in taken.values()):
            break
    turns = itertools.chain.from_iterable(zip(*taken.values(), strict=False))
    return list(itertools.islice(turns, count))


@contextmanager
def stage(
    folder: Path, names: list[str], services: Any, chartfeed: Any, **request: Any
) -> Iterator[Stage]:
    """Give practices by those names on a stand-in, over a broker and a registry that run."""
    wanted = {"patients": 8, "years": 1, "tables": 10, "insurers": 20, "flaws": 3, "seed": 11}
    planned = []
    for family, foreign, some in (
        ("suffixed", False, names[0::3]),
        ("synonyms", False, names[1::3]),
        ("suffixed", True, names[2::3]),
    ):
        asked = Request(
            **{**wanted, **request},
            count=max(1, len(some)),
            families=(family,),
            foreign_ids=foreign,
        )
        planned += [
            replace(practice, center_id=name, database=f"Scene_{name}")
            for practice, name in zip(practices.plan(asked), some, strict=False)
        ]
    password = "Aa1-" + secrets.token_urlsafe(12)
    kafka: Kafka = {"bootstrap.servers": services["kafka"]["address"]}
    with running(folder / "sqlserver") as standin, Watch(kafka) as watch:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user=READER, password=password, threads=2
        )
        config = approved.configure(folder, {sa.server: planned}, password)
        settings = json.loads(config.read_text()) | {
            "kafka": {"bootstrap": services["kafka"]["address"]},
            "registry": {"url": services["registry"]["address"]},
            "producers": {"poll_interval": "100ms"},
        }
        config.write_text(json.dumps(settings))
        chartfeed("--config", config, "topics", "create")
        chartfeed("--config", config, "schemas", "register")
        for practice in planned:
            # Without it a login can't tell a restored database from the one before.
            with closing(connection.connect(replace(sa, database=practice.database))) as own:
                own.execute(f"GRANT VIEW DATABASE STATE TO [{READER}]").close()
        mappings = approved.approve_all(folder / "mappings", planned, sa)
        by_name = {practice.center_id: practice for practice in planned}
        yield Stage(folder, config, by_name, dict(mappings), sa, kafka, watch)


class Scene:
    """One practice, its staff, its producers, and all that was committed there."""

    def __init__(self, stage: Stage, practice: Practice) -> None:
        self.id = practice.center_id
        self.stage = stage
        self.practice = practice
        self.mapping = stage.mappings[self.id]
        self.partition = topics.partition_of_center(self.id, 12)
        self.login = replace(stage.sa, center=self.id, database=practice.database)
        self._known = oracle.Center.of(practice)
        self.truth = Truth(practice, self.mapping.ids, self._known.rows)
        self.journal = stage.folder / f"{self.id}.work.jsonl"
        self._noted = 0
        self._logs = itertools.count(1)

    def named(self, sql: str) -> str:
        """Put the actual names in: <KARTEI> for a table, <KARTEI.DATUM> for a column.

        A bare ID is that of the one table that the statement is about.
        """

        def actual(match: re.Match[str]) -> str:
            table, _, column = match[1].partition(".")
            if column:
                return quoting.name(self.mapping.column(table, column))
            return quoting.qualified(self.mapping.schema_name(), self.mapping.table(table))

        table = re.search(r"<([A-Z_]+)>", sql)
        if table:
            sql = re.sub(r"(?<![.\w\[])ID\b", f"<{table[1]}.ID>", sql)
        return re.sub(r"<([A-Z_]+(?:\.[A-Z_]+)?)>", actual, sql)

    def plain(self, name: str) -> str:
        """Give the actual name of a table or a column as text, as `sp_rename` wants it."""
        table, _, column = name.partition(".")
        actual = f"{self.mapping.schema_name()}.{self.mapping.table(table)}"
        return f"{actual}.{self.mapping.column(table, column)}" if column else actual

    def rows(self, sql: str, *parameters: object) -> list[Any]:
        with closing(connection.connect(self.login)) as own:
            return list(own.execute(self.named(sql), *parameters).fetchall())

    def admin(self, *sql: str, database: str | None = None) -> None:
        """Run what an administrator runs, each text by itself."""
        login = replace(self.login, database=database or self.practice.database)
        with closing(connection.connect(login)) as own:
            for text in sql:
                own.execute(self.named(text)).close()

    def run(self, *sql: str) -> None:
        """Run each text as one transaction, and note what it changed."""
        with closing(connection.connect(self.login)) as own:
            for text in sql:
                own.execute("BEGIN TRANSACTION; " + self.named(text) + "; COMMIT;").close()
                self.note(own)

    def note(self, own: Any) -> None:
        """Note as one commit how the tables differ from what is known."""
        there = images(own, self.practice)
        changes = []
        for table, rows in there.items():
            known = self._known.rows[table]
            changes += [
                Change(table, key, known.get(key), rows.get(key))
                for key in known.keys() | rows.keys()
                if known.get(key) != rows.get(key)
            ]
        if changes:
            version = own.execute(statements.CURRENT_VERSION).fetchval()
            self._learn([Commit(0, self.id, version, "", "sql", tuple(changes))])

    def staff(self, deeds_done: int, seed: int = 1) -> None:
        """Let the practice's staff do so many deeds, each a transaction in the journal."""
        journal = Journal(self.journal)
        connect = practices.connector(self.stage.sa)
        desk = Desk(self.practice, connect, journal, Clock(utc_now), seed + self._noted)
        try:
            desk.open()
            for _ in range(deeds_done):
                deed = desk.plan(deeds.choose)
                if deed is not None:
                    desk.perform(deed)
        finally:
            desk.close()
            journal.close()
        self.read_journal()

    def read_journal(self) -> None:
        """Take in what the staff have committed since."""
        commits = [commit for commit in read(self.journal) if commit.center == self.id]
        self._learn(commits[self._noted :])
        self._noted = len(commits)

    def _learn(self, commits: list[Commit]) -> None:
        self._known.apply(commits)
        self.truth.eras[-1].commits += commits

    def value(self, name: str, canonical: object) -> str:
        """Give a literal of what a column holds for a canonical value: 20240230, 1, None."""
        table, _, column = name.partition(".")
        stored = self.practice.table(table).column(column).store.stored(canonical)
        return "NULL" if stored is None else statements.literal(str(stored))

    def some(self, table: str, count: int) -> list[int]:
        """Give the ids of that many rows that are live and right, the newest first."""
        rows = self._known.rows[table]
        return [key for key in sorted(rows, reverse=True) if self.truth.facts(table, rows[key])][
            :count
        ]

    def insert(self, table: str, rows: list[list[object]]) -> None:
        """Insert many rows of canonical values in one transaction, and note it."""
        names = [layout.split(spec)[0] for spec in layout.COLUMNS[table]]
        columns = [self.practice.table(table).column(name) for name in names]
        stored = [
            [column.store.stored(value) for column, value in zip(columns, row, strict=True)]
            for row in rows
        ]
        typed = ", ".join(
            f"{quoting.name(column.name)} {column.type} '$[{at}]'"
            for at, column in enumerate(columns)
        )
        listed = ", ".join(quoting.name(column.name) for column in columns)
        with closing(connection.connect(self.login, statement_timeout=300)) as own:
            own.execute(
                self.named(
                    f"INSERT INTO <{table}> ({listed})"
                    f" SELECT {listed} FROM OPENJSON(?) WITH ({typed})"
                ),
                json.dumps(stored),
            ).close()
            version = own.execute(statements.CURRENT_VERSION).fetchval()
        images_ = [dict(zip(names, row, strict=True)) for row in rows]
        changes = [Change(table, int(str(row["ID"])), None, row) for row in images_]
        self._learn([Commit(0, self.id, version, "", "sql", tuple(changes))])

    def renamed(self, name: str, new: str) -> None:
        """Rename a column at the source, and nobody has approved it yet."""
        self.admin(f"EXEC sp_rename '{self.plain(name)}', '{new}', 'COLUMN'")
        role, _, wanted = name.partition(".")
        tables = tuple(
            replace(
                table,
                columns=tuple(
                    replace(column, name=new) if column.role == wanted else column
                    for column in table.columns
                ),
            )
            if table.role == role
            else table
            for table in self.practice.tables
        )
        self.practice = replace(self.practice, tables=tables)

    def approve(self) -> None:
        """Have a person approve the mapping as the source is now."""
        folder = self.stage.folder / "mappings"
        found = approved.approve_all(folder, [self.practice], self.stage.sa)
        self.mapping = found[self.id]

    def command(self, *arguments: str) -> int:
        """Run another of our commands and give its exit code."""
        config = str(self.stage.config)
        return int(cli.cli.main(["--config", config, *arguments], standalone_mode=False) or 0)

    def once(self, config: Path | None = None) -> str:
        """Catch up with where the source is now; give what was logged."""
        with self.produce("--once", config=config) as running_once:
            assert 0 == running_once.wait(100), running_once.said()
            return running_once.said()

    def backup(self) -> None:
        """Back the database up, in place of an older backup."""
        name = self.practice.database
        self.admin(f"BACKUP DATABASE [{name}] TO DISK = N'{self.id}'", database="master")

    def restore(self) -> None:
        """Put the backup in the database's place, as an administrator who turns all others out."""
        name = self.practice.database
        self.admin(
            f"ALTER DATABASE [{name}] SET OFFLINE WITH ROLLBACK IMMEDIATE",
            f"RESTORE DATABASE [{name}] FROM DISK = N'{self.id}' WITH REPLACE",
            f"ALTER DATABASE [{name}] SET ONLINE",
            database="master",
        )
        self.new_era()

    def new_era(self) -> None:
        """Note that what versions meant is over: from now on the tables are as they are."""
        with closing(connection.connect(self.login)) as own:
            there = images(own, self.practice)
        self._known.rows = {**self._known.rows, **copy.deepcopy(there)}
        self.truth.eras.append(type(self.truth.eras[-1])(copy.deepcopy(there)))

    def version(self) -> int:
        [(version,)] = self.rows(statements.CURRENT_VERSION)
        return int(version)

    @contextmanager
    def produce(
        self, *arguments: str, wound: Wound | None = None, config: Path | None = None
    ) -> Iterator[Produce]:
        """Run a producer for this center alone."""
        log = self.stage.folder / f"{self.id}.{next(self._logs)}.log"
        given = ("--center", self.id, *arguments)
        with producing(config or self.stage.config, log, *given, wound=wound) as started:
            yield started

    @property
    def seen(self) -> Seen:
        return self.stage.watch.seen(self.id)

    @property
    def checkpoint(self) -> Checkpoint:
        found = self.seen.checkpoint
        assert found is not None
        return found

    def until(self, condition: Any, *, seconds: float = 60) -> Seen:
        return self.stage.watch.until(self.id, condition, seconds=seconds)

    def until_state(self, state: str, *, seconds: float = 60) -> Seen:
        """Wait until the center's status says so."""
        return self.until(
            lambda seen: seen.status is not None and seen.status.state == state, seconds=seconds
        )

    def caught_up(self, *, after: int = 0, seconds: float = 60) -> Checkpoint:
        """Wait for a whole checkpoint of now, after so many others."""
        version = self.version()

        def reached(seen: Seen) -> bool:
            at = seen.checkpoint
            return (
                at is not None
                and len(seen.checkpoints) > after
                and not at.partial
                and at.version >= version
            )

        found = self.until(reached, seconds=seconds).checkpoint
        assert found is not None
        return found

    def compared(self) -> Told:
        """Hold all that is published of this practice against what was committed there."""
        return compare(histories(self.stage.kafka, [self.id])[self.id], self.truth)
