"""Discovery, approval and refusal on practices of every family, through the ODBC driver."""

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartfeed import approval_commands, approvals, mapping_commands, mappings
from chartfeed import settings as configuration
from chartfeed.cli import Context
from chartfeed.extract import extract
from deploy.local import practices
from deploy.local.practice import fillers, layout, truth
from deploy.local.practices import FAMILIES, Practice, Request
from producers import audit, drift, mapping_file, quoting
from producers.choices import Choices
from producers.connection import Settings, connect
from producers.errors import Drift
from tests import approved
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.sqlserver, pytest.mark.timeout(240)]

READER = "Aa1-" + secrets.token_urlsafe(12)


@dataclass(frozen=True)
class Group:
    """A practice of each family on a stand-in, and a folder with its configuration."""

    folder: Path
    planned: tuple[Practice, ...]
    sa: Settings

    @property
    def settings(self) -> configuration.Settings:
        return configuration.load(self.folder / "chartfeed.yml", {})

    def run(self, command: str, *arguments: str) -> Result:
        module = approval_commands if hasattr(approval_commands, command) else mapping_commands
        function: Any = extract if command == "extract" else getattr(module, command)
        return CliRunner().invoke(
            function,
            list(arguments),
            obj=Context(str(self.folder / "chartfeed.yml")),
            standalone_mode=False,
        )

    def of(self, family: str) -> Practice:
        return next(practice for practice in self.planned if practice.family == family)

    def statement(self, practice: Practice, sql: str) -> None:
        with closing(connect(replace(self.sa, database=practice.database))) as connection:
            connection.execute(sql)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    folder = tmp_path_factory.mktemp("discovery")
    # Of two ambiguous ones in a row, one has a rival table and the other a rival column.
    families = (*FAMILIES[:5], *FAMILIES[4:])
    planned = practices.plan(
        Request(count=len(families), families=families, patients=60, years=1, tables=30)
    )
    with running(tmp_path_factory.mktemp("server")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        approved.configure(folder, {sa.server: planned}, READER)
        yield Group(folder, planned, sa)


@pytest.fixture
def group(server: Group, tmp_path: Path) -> Group:
    """Give the same practices with a fresh folder of mappings."""
    for name in ("chartfeed.yml", "centers.yml", "password"):
        (tmp_path / name).write_bytes((server.folder / name).read_bytes())
    return replace(server, folder=tmp_path)


def read(group: Group, practice: Practice) -> Any:
    return mapping_file.load(group.folder / "mappings" / f"{practice.center_id}.yml")


def test_every_family_is_found_or_left_open(group: Group) -> None:
    result = group.run("discover", "--all")

    assert result.return_value == 0, result.output
    for practice in group.planned:
        known = truth.of(practice)
        found = read(group, practice)
        assert found.schema == known.schema
        for point, actual in known.names.items():
            role, _, key = point.partition(".")
            said = found.tables[role].columns[key] if key else found.tables[role]
            if point in known.rivals or role in known.rivals:
                assert said.name is None
            else:
                assert said.name == actual, (practice.family, point)
        for point, rival in known.rivals.items():
            role, _, key = point.partition(".")
            said = found.tables[role].columns[key] if key else found.tables[role]
            assert {one.name for one in said.rivals} == {known.names[point], rival}


def test_names_that_only_values_speak_for_are_told_to_be_unsure(group: Group) -> None:
    center = group.of("nameless").center_id

    result = group.run("discover", center)

    (line,) = (line for line in result.stdout.splitlines() if line.startswith(center))
    assert "less than 0.9 sure" in line


def test_no_personal_value_is_in_any_file_or_output(group: Group) -> None:
    result = group.run("discover", "--all", "--json")

    texts = [result.output]
    texts += [path.read_text(encoding="utf-8") for path in (group.folder / "mappings").iterdir()]
    for practice in group.planned:
        people = next(rows for table, rows in fillers.rows(practice) if table.role == "PATIENT")
        columns = [column.role for column in practice.table(layout.PATIENT).columns]
        names = {str(row[columns.index(key)]) for row in people for key in ("P_NAME", "P_VORNAME")}
        for name in names:
            assert not any(f'"{name}"' in text or f" {name}\n" in text for text in texts)


def test_clear_ones_are_approved_and_read_and_others_refused(group: Group) -> None:
    group.run("discover", "--all")
    clear = [practice.center_id for practice in group.planned if practice.family != "ambiguous"]

    result = group.run("approve", *clear, "--reviewer", "Ada")

    assert result.return_value == 0, result.output
    day = group.run("extract", "--date", "2022-01-18")
    assert day.return_value == 1
    assert f"{6 * len(clear)} rows from {len(clear)} of {len(group.planned)}" in day.stdout
    assert "unreviewed" in day.stderr


def test_an_open_point_blocks_until_somebody_decides(group: Group) -> None:
    group.run("discover", "--all")
    practice = next(one for one in group.planned if dict(one.rivals).get("KARTEI.DATUM"))
    actual = truth.of(practice).names["KARTEI.DATUM"]

    refused = group.run("approve", practice.center_id, "--reviewer", "Ada")
    assert refused.return_value == 2
    assert "KARTEI.DATUM" in refused.stderr
    decided = group.run(
        "approve", practice.center_id, "--reviewer", "Ada", "--set", f"KARTEI.DATUM={actual}"
    )

    assert decided.return_value == 0, decided.stderr
    assert read(group, practice).column("KARTEI", "DATUM") == actual
    lines = (group.folder / "mappings" / audit.NAME).read_text().splitlines()
    last = json.loads(lines[-1])
    assert (last["act"], last["who"]) == ("approval", "Ada")
    assert ["KARTEI.DATUM", None, actual] in last["changes"]


def test_a_wrong_choice_is_refused_whatever_was_said(group: Group) -> None:
    group.run("discover", "--all")
    practice = group.of("suffixed")
    names = truth.of(practice).names

    wrong = group.run(
        "approve",
        practice.center_id,
        "--reviewer",
        "Ada",
        "--set",
        f"KARTEI.DATUM={names['KARTEI.PATNR']}",
    )

    assert wrong.return_value == 2
    assert "is already KARTEI." in wrong.stderr
    assert not read(group, practice).reviewed


def test_what_does_not_exist_can_t_be_approved(group: Group) -> None:
    group.run("discover", "--all")
    practice = group.of("clean")
    for setting in ("KARTEI.DATUM=]; DROP TABLE KARTEI; --", "KARTEI=KARTEI_NO", "schema=nowhere"):
        result = group.run("approve", practice.center_id, "--reviewer", "Ada", "--set", setting)
        assert result.return_value == 2, setting
    assert not read(group, practice).reviewed


def test_a_schema_that_moved_is_refused_and_named(group: Group) -> None:
    group.run("discover", "--all")
    practice = group.of("one-suffix")
    group.run("approve", practice.center_id, "--reviewer", "Ada")
    names = truth.of(practice).names
    table = f"{practice.schema}.{names['KARTEI']}"
    old = names["KARTEI.BEMERKUNG"]
    group.statement(practice, f"EXEC sp_rename N'{table}.{old}', N'MOVED', N'COLUMN'")
    try:
        day = group.run("extract", "--date", "2022-01-18", "--center", practice.center_id)
        status = json.loads(group.run("mapping", "status", "--json").output)
        diff = group.run("mapping", "diff", practice.center_id)
    finally:
        group.statement(practice, f"EXEC sp_rename N'{table}.MOVED', N'{old}', N'COLUMN'")

    assert day.return_value == 2
    assert f"column {names['KARTEI']}.{old} (KARTEI.BEMERKUNG) is gone" in day.stderr
    assert f"chartfeed mapping diff {practice.center_id}" in day.stderr
    states = {one["center_id"]: one["state"] for one in status["centers"]}
    assert states[practice.center_id] == "drift"
    assert diff.return_value == 1
    assert "is gone" in diff.output


def test_an_edit_by_hand_and_a_revocation_take_the_approval_away(group: Group) -> None:
    group.run("discover", "--all")
    edited, revoked = group.of("clean"), group.of("suffixed")
    group.run("approve", edited.center_id, revoked.center_id, "--reviewer", "Ada")
    path = group.folder / "mappings" / f"{edited.center_id}.yml"
    path.write_text(path.read_text().replace("reviewed_by: Ada", "reviewed_by: Eve"))
    group.run("revoke", revoked.center_id, "--reviewer", "Bo", "--reason", "a doubt")

    for practice, reason in ((edited, "edited by hand"), (revoked, "is not approved")):
        day = group.run("extract", "--date", "2022-01-18", "--center", practice.center_id)
        assert day.return_value == 2
        assert reason in day.stderr


def test_discover_leaves_what_a_person_did(group: Group) -> None:
    practice = group.of("clean")
    group.run("discover", practice.center_id)
    group.run("approve", practice.center_id, "--reviewer", "Ada")

    again = group.run("discover", practice.center_id)

    assert "left as it is: approved by Ada" in again.output
    assert read(group, practice).approval_problem() is None


def test_what_a_reviewer_chose_outlives_a_schema_that_moved(group: Group) -> None:
    group.run("discover", "--all")
    practice = next(one for one in group.planned if dict(one.rivals).get("KARTEI.DATUM"))
    names = truth.of(practice).names
    chosen = names["KARTEI.DATUM"]
    group.run("approve", practice.center_id, "--reviewer", "Ada", "--set", f"KARTEI.DATUM={chosen}")
    table = f"{practice.schema}.{names['LEISTUNG']}"
    old = names["LEISTUNG.LEISTUNG"]
    group.statement(practice, f"EXEC sp_rename N'{table}.{old}', N'MOVED', N'COLUMN'")
    try:
        result = group.run("discover", practice.center_id)
    finally:
        group.statement(practice, f"EXEC sp_rename N'{table}.MOVED', N'{old}', N'COLUMN'")

    found = read(group, practice)
    column = found.tables["KARTEI"].columns["DATUM"]
    assert result.return_value == 0, result.output
    assert not found.reviewed
    assert column.name == chosen
    assert "chosen by the reviewer" in column.evidence
    lines = (group.folder / "mappings" / audit.NAME).read_text().splitlines()
    acts = [one["act"] for one in map(json.loads, lines) if one["center"] == practice.center_id]
    assert acts[:3] == ["proposal", "approval", "revocation"]


def test_a_damaged_file_is_made_anew_by_the_command_that_is_named(group: Group) -> None:
    practice = group.of("clean")
    group.run("discover", practice.center_id)
    path = group.folder / "mappings" / f"{practice.center_id}.yml"
    path.write_text("tables: [\n")

    refused = group.run("discover", practice.center_id)
    done = group.run("discover", practice.center_id, "--again")

    assert refused.return_value == 2
    assert f"chartfeed discover {practice.center_id} --again" in refused.stderr
    assert done.return_value == 0, done.stderr
    assert read(group, practice).table("KARTEI") == "KARTEI"
    assert path.with_name(f"{path.name}.damaged").read_text() == "tables: [\n"


def test_what_was_put_aside_is_never_overwritten(group: Group) -> None:
    practice = group.of("clean")
    path = group.folder / "mappings" / f"{practice.center_id}.yml"
    path.parent.mkdir(exist_ok=True)
    for text in ("first: [\n", "second: [\n", "third: [\n"):
        path.write_text(text)
        assert group.run("discover", practice.center_id, "--again").return_value == 0

    kept = {one.name: one.read_text() for one in path.parent.glob("*.damaged*")}
    assert kept == {
        f"{path.name}.damaged": "first: [\n",
        f"{path.name}.damaged2": "second: [\n",
        f"{path.name}.damaged3": "third: [\n",
    }


def test_a_center_that_is_down_stops_no_other(group: Group) -> None:
    centers = group.folder / "centers.yml"
    text = centers.read_text() + '  - {id: gone, name: X, server: "127.0.0.1,1", database: X}\n'
    centers.write_text(text)

    result = group.run("discover", "gone", group.of("clean").center_id)

    assert result.return_value == 1
    assert "gone: " in result.stderr
    assert f"{group.of('clean').center_id}: every name found" in result.output


def test_identifiers_that_are_statements_are_only_names(group: Group) -> None:
    practice = group.of("clean")
    odd = "]; DROP TABLE [ck].[KARTEI]; --' 🦷 \"ä"
    table = quoting.qualified(practice.schema, odd)
    group.statement(
        practice,
        f"CREATE TABLE {table} (ID int NOT NULL PRIMARY KEY, {quoting.name(odd)} nvarchar(50))",
    )
    try:
        result = group.run("discover", practice.center_id)
        raw = json.loads(group.run("discover_raw", "-c", practice.center_id, "--json").output)
    finally:
        group.statement(practice, f"DROP TABLE {table}")

    assert result.return_value == 0
    assert read(group, practice).table("KARTEI") == "KARTEI"
    listed = {one["name"]: one for one in raw["tables"]}
    assert [column["name"] for column in listed[odd]["columns"]] == ["ID", odd]


def test_a_key_of_two_columns_is_refused(group: Group) -> None:
    practice = group.of("clean")
    settings = group.settings
    center = settings.center(practice.center_id)
    group.run("discover", practice.center_id)
    report = approvals.examine(settings, center, mappings.load(settings, center), Choices())
    assert not report.errors
    changed = mappings.load(settings, center).approved_as("Ada", datetime.now(UTC))
    tables = dict(changed.tables)
    tables["KASSEN"] = replace(tables["KASSEN"], primary_key=("ID", "NAME"))
    with mappings.opened(settings, center) as connection:
        moved = drift.differences(replace(changed, tables=tables), drift.live(connection, changed))
    assert moved == ["the primary key of KASSEN (KASSEN) is ID, was ID, NAME"]
    assert Drift("x").exit_code == 2
