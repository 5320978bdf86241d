"""What must be so before a center goes live, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from producers import canonical, drift, statements
from producers.preflight_script import RETENTION
from producers.quoting import name as quoted

if TYPE_CHECKING:
    from producers.mapping import Mapping
    from producers.preflight_facts import DatabaseFacts, Facts

__all__ = ["Finding", "Level", "findings"]

SHORT: Final = timedelta(days=2)
SKEW: Final = timedelta(seconds=2)


class Level(StrEnum):
    """How a check ended: good, good enough for now, or to be done before the center can start."""

    OK = "ok"
    WARNING = "warning"
    TODO = "to do"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `todo` is the command or the T-SQL that mends it."""

    check: str
    level: Level
    text: str
    todo: str | None = None


def findings(database: str, login: str, facts: Facts, mapping: Mapping | None) -> list[Finding]:
    """Give what the facts say of a center, in the order in which one would mend it."""
    found = list(_of_database(database, login, facts.database))
    if mapping is not None:
        found += _of_tables(login, facts, mapping)
    return found


def _of_database(database: str, login: str, facts: DatabaseFacts) -> Iterator[Finding]:
    name = quoted(database)
    if facts.sees_identity:
        yield Finding("identity", Level.OK, "a restored database is noticed")
    else:
        yield Finding(
            "identity",
            Level.WARNING,
            "sys.database_recovery_status can't be seen: of a restore or a failover, only one that "
            "takes the version back is noticed",
            f"USE [master]; GRANT VIEW ANY DATABASE TO {quoted(login)};",
        )
    yield from _of_tracking(name, facts)
    if facts.snapshots:
        yield Finding("snapshots", Level.OK, "snapshot isolation is allowed")
    else:
        todo = f"ALTER DATABASE {name} SET ALLOW_SNAPSHOT_ISOLATION ON;"
        yield Finding("snapshots", Level.TODO, "snapshot isolation is not allowed", todo)
    seconds = facts.skew.total_seconds()
    if abs(facts.skew) <= SKEW:
        yield Finding("clock", Level.OK, f"the source's clock differs by {seconds:+z.1f} s")
    else:
        yield Finding(
            "clock",
            Level.WARNING,
            f"the source's clock differs from this machine's by {seconds:+.1f} s; complete_through "
            "and lag go by the source's",
            "let both follow the same time server (w32tm /resync, chronyc makestep)",
        )


def _of_tracking(name: str, facts: DatabaseFacts) -> Iterator[Finding]:
    if facts.retention is None:
        todo = f"ALTER DATABASE {name} SET CHANGE_TRACKING = ON ({RETENTION});"
        yield Finding("tracking", Level.TODO, "the database tracks no changes", todo)
        return
    yield Finding("tracking", Level.OK, "the database tracks changes")
    hours = facts.retention.total_seconds() / 3600
    if facts.retention < SHORT:
        yield Finding(
            "retention",
            Level.WARNING,
            f"changes are kept for {hours:g} h: a capture that is down longer has to resync",
            f"ALTER DATABASE {name} SET CHANGE_TRACKING (CHANGE_RETENTION = 2 DAYS);",
        )
    else:
        yield Finding("retention", Level.OK, f"changes are kept for {hours:g} h")
    if facts.auto_cleanup:
        yield Finding("cleanup", Level.OK, "old changes are cleaned up")
    else:
        yield Finding(
            "cleanup",
            Level.WARNING,
            "AUTO_CLEANUP is off: the changes kept grow without end",
            f"ALTER DATABASE {name} SET CHANGE_TRACKING (AUTO_CLEANUP = ON);",
        )


def _of_tables(login: str, facts: Facts, mapping: Mapping) -> Iterator[Finding]:
    yield from _of_rights(login, facts, mapping)
    tables = facts.tables or {}
    untracked = [table for table in canonical.TRACKED if not tables[table].is_tracked]
    # Where a table can't be seen its right is missing, and nothing can be said of its tracking.
    for table in [table for table in untracked if tables[table].is_seen]:
        name = statements.table(mapping, table)
        todo = f"ALTER TABLE {name} ENABLE CHANGE_TRACKING;"
        yield Finding("tracking", Level.TODO, f"changes of {table} are not tracked", todo)
    if not untracked:
        yield Finding("tracking", Level.OK, "all four tables are tracked")
    if facts.catalog is None or not all(table.is_seen for table in tables.values()):
        return
    yield from _of_keys(facts, mapping)
    moved = drift.differences(mapping, facts.catalog)
    if moved:
        yield Finding(
            "schema",
            Level.TODO,
            f"the schema moved since the approval: {'; '.join(moved)}",
            f"chartfeed mapping diff {mapping.center}",
        )
    else:
        yield Finding("schema", Level.OK, "the approved mapping fits the schema")


def _of_rights(login: str, facts: Facts, mapping: Mapping) -> Iterator[Finding]:
    who = quoted(login)
    missing = False
    for table, seen in (facts.tables or {}).items():
        rights = []
        if not seen.may_select:
            rights.append("SELECT")
        if table in canonical.TRACKED and not seen.may_view_changes:
            rights.append("VIEW CHANGE TRACKING")
        if not rights:
            continue
        missing = True
        name = statements.table(mapping, table)
        what = " and ".join(rights)
        text = f"{what} on {table} is not granted"
        if not seen.is_seen:
            text += f", or {name} is not there (chartfeed mapping diff {mapping.center})"
        todo = f"GRANT {', '.join(rights)} ON OBJECT::{name} TO {who};"
        yield Finding("rights", Level.TODO, text, todo)
    if not missing:
        yield Finding("rights", Level.OK, "the five tables and their changes can be read")
    if facts.reads_whole_schema:
        schema = mapping.schema_name()
        yield Finding(
            "rights",
            Level.WARNING,
            f"{login} may read every table of {schema}, which only discovery needs",
            f"chartfeed preflight --sql {mapping.center}, then "
            f"REVOKE SELECT ON SCHEMA::{quoted(schema)} FROM {who};",
        )


def _of_keys(facts: Facts, mapping: Mapping) -> Iterator[Finding]:
    wrong = False
    for role in canonical.TABLES:
        table = facts.catalog and facts.catalog.table(mapping.schema, mapping.table(role))
        if table and table.primary_key != (mapping.column(role, "ID"),):
            wrong = True
            now = ", ".join(table.primary_key) or "none"
            yield Finding(
                "keys",
                Level.TODO,
                f"the primary key of {table.name} ({role}) is {now}, not ID alone: "
                "changes of it can't be told apart",
                f"ask the vendor; then chartfeed review {mapping.center}",
            )
    if not wrong:
        yield Finding("keys", Level.OK, "ID is the only column of each primary key")
