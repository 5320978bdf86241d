"""`chartfeed extract` on thirty practices, through the ODBC driver."""

import csv
import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chartfeed import settings as configuration
from chartfeed.cli import Context
from chartfeed.extract import extract, read
from deploy.local import practices
from deploy.local.practices import Practice, Request
from producers import approval, audit, mapping_file
from producers.connection import Settings, connect
from tests import approved, oracle
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.sqlserver, pytest.mark.timeout(240)]

DAY = date(2022, 1, 18)
STEM = "ivoris_chart_entries_2022-01-18"
READER = "Aa1-" + secrets.token_urlsafe(12)


@dataclass(frozen=True)
class Group:
    """Thirty approved practices, and one that is not."""

    folder: Path
    planned: tuple[Practice, ...]
    sa: Settings

    def run(self, output: Path, *arguments: str) -> Result:
        context = Context(str(self.folder / "chartfeed.yml"))
        return CliRunner().invoke(
            extract,
            ["--date", "2022-01-18", "--output", str(output), *arguments],
            obj=context,
            standalone_mode=False,
            catch_exceptions=False,
        )

    def centers(self, *numbers: int) -> list[str]:
        chosen = [self.planned[number - 1].center_id for number in numbers]
        return [word for center in chosen for word in ("--center", center)]

    def statement(self, number: int, sql: str) -> None:
        practice = self.planned[number - 1]
        with closing(connect(replace(self.sa, database=practice.database))) as connection:
            connection.execute(sql)


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    folder = tmp_path_factory.mktemp("group")
    planned = practices.plan(Request(patients=15, years=1, tables=10, insurers=20))
    with running(tmp_path_factory.mktemp("extract")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        approved.configure(folder, {sa.server: planned}, READER)
        approved.approve_all(folder / "mappings", planned[:30], sa)
        yield Group(folder, planned, sa)


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    """Give a practice of each family of names, all approved, with entries that break a rule."""
    folder = tmp_path_factory.mktemp("families")
    kinds = practices.FAMILIES
    planned = practices.plan(
        Request(count=len(kinds), families=kinds, patients=25, years=1, tables=12, flaws=8)
    )
    with running(tmp_path_factory.mktemp("families-server")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        approved.configure(folder, {sa.server: planned}, READER)
        approved.approve_all(folder / "mappings", planned, sa)
        yield Group(folder, planned, sa)


def rows_of(output: Path) -> list[dict[str, str]]:
    with (output / f"{STEM}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_day_of_thirty_practices(group: Group, tmp_path: Path) -> None:
    thirty = group.centers(*range(1, 31))

    result = group.run(tmp_path, *thirty, "--format", "csv,json,parquet")

    rows = rows_of(tmp_path)
    manifest = json.loads((tmp_path / f"{STEM}.manifest.json").read_text())
    assert result.return_value == 0, result.stderr
    assert len(rows) == manifest["record_count"] == 180
    assert sum(row["insurance_status"] == "GKV" for row in rows) == 150
    assert sum(row["insurance_status"] == "PKV" for row in rows) == 30
    assert [center["record_count"] for center in manifest["centers"]] == [6] * 30
    assert all(center["complete_through"]["version"] == 0 for center in manifest["centers"])
    assert sorted(manifest["files"]) == ["csv", "json", "parquet"]
    assert result.stdout.startswith("2022-01-18: 180 rows from 30 of 30 centers")


def assert_days_are_as_the_oracle_says(group: Group, approved_count: int, step: int) -> None:
    settings = configuration.load(group.folder / "chartfeed.yml", {})
    models = {
        practice.center_id: oracle.Center.of(practice)
        for practice in group.planned[:approved_count]
    }
    days = sorted({day for model in models.values() for day in model.days()})
    for day in {*days[::step], DAY, date(2022, 1, 19)}:
        reading = read(settings, settings.centers[:approved_count], day)

        assert not reading.missing
        for center, found in reading.read:
            seen = [
                oracle.Expected(
                    row.center_id,
                    row.date,
                    int(row.entry_id),
                    int(row.patient_id),
                    row.insurance_status,
                    row.insurance_name,
                    row.chart_entry,
                    row.service_codes,
                )
                for row in found.rows
            ]
            assert seen == models[center.id].expected(day)


def test_days_of_thirty_practices_are_as_the_oracle_says(group: Group) -> None:
    assert_days_are_as_the_oracle_says(group, 30, step=25)


def test_days_of_every_family_of_names_are_as_the_oracle_says(families: Group) -> None:
    assert_days_are_as_the_oracle_says(families, len(practices.FAMILIES), step=4)


def test_an_unapproved_center_is_named_and_the_others_are_written(
    group: Group, tmp_path: Path
) -> None:
    result = group.run(tmp_path, *group.centers(1, 2, 31))

    manifest = json.loads((tmp_path / f"{STEM}.manifest.json").read_text())
    unapproved = group.planned[30].center_id
    assert result.return_value == 1
    assert f"unreviewed: {group.folder}" in result.stderr
    assert f"next: chartfeed discover {unapproved}" in result.stderr
    assert [center["behind"] for center in manifest["centers"]] == [None, None, "unreviewed"]
    assert len(rows_of(tmp_path)) == manifest["record_count"] == 12


def test_a_center_that_is_down_is_named_and_the_others_are_written(
    group: Group, tmp_path: Path
) -> None:
    database = group.planned[2].database
    group.statement(1, f"ALTER DATABASE [{database}] SET OFFLINE WITH ROLLBACK IMMEDIATE")
    try:
        result = group.run(tmp_path, *group.centers(1, 3))
        alone = group.run(tmp_path / "alone", *group.centers(3))
    finally:
        group.statement(1, f"ALTER DATABASE [{database}] SET ONLINE")

    manifest = json.loads((tmp_path / f"{STEM}.manifest.json").read_text())
    assert result.return_value == 1
    assert group.planned[2].center_id in result.stderr
    assert manifest["centers"][1]["behind"] in {"down", "denied"}
    assert len(rows_of(tmp_path)) == 6
    assert alone.return_value == 3
    assert "nothing is written" in alone.stderr
    assert not (tmp_path / "alone").exists()


def test_nothing_approved_writes_nothing(group: Group, tmp_path: Path) -> None:
    result = group.run(tmp_path / "out", *group.centers(31))

    assert result.return_value == 2
    assert not (tmp_path / "out").exists()


def test_a_schema_that_moved_is_not_read(group: Group, tmp_path: Path) -> None:
    mapping = mapping_file.load(group.folder / "mappings" / "center_04.yml")
    old = mapping.column("KARTEI", "BEMERKUNG")
    table = f"{mapping.schema_name()}.{mapping.table('KARTEI')}"
    group.statement(4, f"EXEC sp_rename '{table}.{old}', 'MOVED', 'COLUMN'")
    try:
        result = group.run(tmp_path / "out", *group.centers(4))
    finally:
        group.statement(4, f"EXEC sp_rename '{table}.MOVED', '{old}', 'COLUMN'")

    assert result.return_value == 2
    assert "drift: center_04: the schema moved since the approval" in result.stderr
    assert "next: chartfeed mapping diff center_04" in result.stderr
    assert group.run(tmp_path / "out", *group.centers(4)).return_value == 0


def test_a_mapping_edited_by_hand_is_not_used(group: Group, tmp_path: Path) -> None:
    path = group.folder / "mappings" / "center_05.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("confidence: 1.0", "confidence: 0.5", 1), encoding="utf-8")
    try:
        result = group.run(tmp_path / "out", *group.centers(5))
    finally:
        path.write_text(text, encoding="utf-8")

    assert result.return_value == 2
    assert "edited by hand after its approval" in result.stderr


def test_a_database_without_snapshots_is_read_and_claims_no_version(
    group: Group, tmp_path: Path
) -> None:
    database = group.planned[5].database
    group.statement(1, f"ALTER DATABASE [{database}] SET ALLOW_SNAPSHOT_ISOLATION OFF")
    try:
        result = group.run(tmp_path, *group.centers(6))
    finally:
        group.statement(1, f"ALTER DATABASE [{database}] SET ALLOW_SNAPSHOT_ISOLATION ON")

    manifest = json.loads((tmp_path / f"{STEM}.manifest.json").read_text())
    assert result.return_value == 0, result.stderr
    assert len(rows_of(tmp_path)) == 6
    assert manifest["centers"][0]["complete_through"]["version"] is None


def test_reading_again_gives_the_same_bytes(group: Group, tmp_path: Path) -> None:
    outputs = [tmp_path / "one", tmp_path / "two"]
    for output in outputs:
        group.run(output, *group.centers(1, 2, 3), "--format", "csv,json,parquet")

    for extension in ("csv", "json", "parquet"):
        one, two = ((output / f"{STEM}.{extension}").read_bytes() for output in outputs)
        assert one == two


def test_a_server_that_is_not_there_leaves_no_file(tmp_path: Path, group: Group) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    approved.configure(folder, {"127.0.0.1,1": group.planned[:1]}, READER)
    (folder / "mappings").symlink_to(group.folder / "mappings")

    result = Group(folder, group.planned, group.sa).run(tmp_path / "out")

    assert result.return_value == 3
    assert "down: center_01" in result.stderr
    assert not (tmp_path / "out").exists()


def test_putting_the_old_file_back_does_not_undo_a_revocation(group: Group, tmp_path: Path) -> None:
    folder = group.folder / "mappings"
    path, log = folder / "center_06.yml", folder / audit.NAME
    before, logged = path.read_bytes(), log.read_bytes()
    mapping = mapping_file.load(path)
    try:
        approval.revoke(folder, mapping, reviewer="Bo", reason="doubt", at=approved.AT)
        path.write_bytes(before)
        result = group.run(tmp_path / "out", *group.centers(6))
    finally:
        path.write_bytes(before)
        log.write_bytes(logged)

    assert result.return_value == 2
    assert "unreviewed: center_06: the approval was revoked by Bo" in result.stderr
    assert "next: chartfeed review center_06" in result.stderr
    assert group.run(tmp_path / "out", *group.centers(6)).return_value == 0
