"""`chartfeed preflight` and its scripts, on a center nobody has prepared yet."""

import json
import re
import secrets
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from chartfeed.cli import Context
from chartfeed.preflight import preflight
from chartfeed.produce import produce
from deploy.local import practices
from deploy.local.practice import statements
from producers import survey
from producers.connection import connect
from schemas.errors import ChartfeedError
from tests import approved
from tests.practices_on import Password
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(120)]

WIDE = "Aa1-" + secrets.token_urlsafe(12)
NARROW = "Aa1-" + secrets.token_urlsafe(12)
KEPT = "SELECT retention_period FROM sys.change_tracking_databases WHERE database_id = DB_ID()"
NOTES = "SELECT name FROM sys.extended_properties"


class Group:
    """Two practices whose tracking is off, and a narrow login that nobody has made yet."""

    def __init__(self, folder, planned, sa, kafka, registry):
        self.folder = folder
        self.planned = planned
        self.sa = sa
        self.narrow = replace(sa, user="narrow", secret=Password(NARROW))
        (folder / "password").write_text(NARROW)
        content = json.loads((folder / "chartfeed.yml").read_text())
        content["sqlserver"]["user"] = "narrow"
        content |= {"kafka": {"bootstrap": kafka}, "registry": {"url": registry}}
        self.config = folder / "chartfeed.yml"
        self.config.write_text(json.dumps(content))

    def command(self, command, *arguments):
        return CliRunner().invoke(
            command, arguments, obj=Context(str(self.config)), standalone_mode=False
        )

    def found(self, *arguments):
        """Give the exit code and, per center and check, the levels and what to do."""
        done = self.command(preflight, "--json", *arguments)
        assert done.exception is None, done.exception
        found: dict[Any, Any] = {}
        for finding in json.loads(done.stdout)["findings"]:
            key = (finding["center_id"], finding["check"])
            found.setdefault(key, []).append((finding["level"], finding["next_command"]))
        return done.return_value, found

    def script(self, at, *arguments):
        done = self.command(preflight, "--sql", self.planned[at].center_id, *arguments)
        assert done.return_value == 0, done.exception
        return done.stdout

    def run(self, script, password=NARROW):
        """Run a script as a DBA's sqlcmd does: from master, variables replaced."""
        if password is not None:
            script = script.replace("$(CHARTFEED_SQLSERVER_PASSWORD)", password)
        with closing(connect(self.sa)) as connection:
            survey.fetch(connection, "practices", script)

    def rows(self, at, sql):
        with closing(connect(replace(self.sa, database=self.database(at)))) as connection:
            return [tuple(row) for row in connection.execute(sql).fetchall()]

    def database(self, at):
        return self.planned[at].database

    def traces(self, at):
        """Give all that a script may have left: tracking, snapshots, principals, notes, login."""
        return [
            self.rows(at, sql)
            for sql in (
                "SELECT database_id FROM sys.change_tracking_databases WHERE database_id = DB_ID()",
                "SELECT object_id FROM sys.change_tracking_tables",
                "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()",
                "SELECT name FROM sys.database_principals",
                NOTES,
            )
        ]

    def logins(self):
        """Give the server's logins and the notes about them."""
        with closing(connect(self.sa)) as connection:
            logins = connection.execute("SELECT name FROM sys.server_principals").fetchall()
            return {row[0] for row in [*logins, *connection.execute(NOTES).fetchall()]}


def unprepared(connection, practice):
    """Take back what the generator of practices switches on."""
    for role in ("KASSEN", "PATKASSE", "KARTEI", "LEISTUNG"):
        name = statements.qualified(practice, practice.table(role))
        connection.execute(f"ALTER TABLE {name} DISABLE CHANGE_TRACKING")
    connection.execute(f"ALTER DATABASE [{practice.database}] SET CHANGE_TRACKING = OFF")
    connection.execute(f"ALTER DATABASE [{practice.database}] SET ALLOW_SNAPSHOT_ISOLATION OFF")


@pytest.fixture(scope="module")
def group(tmp_path_factory, services, stack, chartfeed):
    chartfeed("topics", "create", home=stack)
    chartfeed("schemas", "register", home=stack)
    folder = tmp_path_factory.mktemp("preflight")
    request = practices.Request(
        count=2, families=("suffixed",), patients=8, years=1, tables=10, insurers=20, seed=3
    )
    planned = [
        replace(practice, center_id=f"vorflug_{number}")
        for number, practice in enumerate(practices.plan(request), 1)
    ]
    with running(tmp_path_factory.mktemp("preflight-server")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=WIDE, threads=2
        )
        approved.configure(folder, {sa.server: planned}, WIDE)
        approved.approve_all(folder / "mappings", planned, sa)
        for practice in planned:
            with closing(connect(replace(sa, database=practice.database))) as connection:
                unprepared(connection, practice)
        yield Group(
            folder, planned, sa, services["kafka"]["address"], services["registry"]["address"]
        )


def test_a_center_that_nobody_prepared_is_told_what_to_do(group):
    group.run("USE master; CREATE LOGIN narrow WITH PASSWORD = N'$(CHARTFEED_SQLSERVER_PASSWORD)'")
    group.run(f"USE [{group.database(0)}]; CREATE USER narrow FOR LOGIN narrow")
    try:
        code, found = group.found()
    finally:
        group.run(f"USE [{group.database(0)}]; DROP USER narrow")
        group.run("USE master; DROP LOGIN narrow")

    first, second = (practice.center_id for practice in group.planned)
    database = group.database(0)
    assert code == 1
    assert found[None, "topics"] == found[None, "registry"] == [("ok", None)]
    assert found[first, "snapshots"] == [
        ("to do", f"ALTER DATABASE [{database}] SET ALLOW_SNAPSHOT_ISOLATION ON;")
    ]
    kept = "CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON"
    todo = f"ALTER DATABASE [{database}] SET CHANGE_TRACKING = ON ({kept});"
    assert found[first, "tracking"][0] == ("to do", todo)
    assert found[first, "identity"] == [
        ("warning", "USE [master]; GRANT VIEW ANY DATABASE TO [narrow];")
    ]
    assert len(found[first, "rights"]) == 5
    assert all(todo.startswith("GRANT SELECT") for _, todo in found[first, "rights"])
    assert (first, "schema") not in found
    assert found[second, "connection"][0][0] == "to do"


def test_the_script_prepares_a_center_and_undo_takes_just_that_back(group):
    before = group.traces(0), group.logins()
    script, undo = group.script(0), group.script(0, "--undo")
    center = group.planned[0].center_id

    group.run(script)
    once = group.traces(0), group.logins()
    group.run(script)

    assert once == (group.traces(0), group.logins()) != before
    code, found = group.found(center)
    assert code == 0, found
    assert {key for key, told in found.items() if any(level != "ok" for level, _ in told)} == {
        (center, "identity")
    }
    with closing(connect(group.sa)) as connection:
        connection.execute("GRANT VIEW ANY DATABASE TO [narrow]")
    assert group.found(center)[1][center, "identity"] == [("ok", None)]

    done = group.command(produce, "--center", center, "--once")
    assert done.return_value == 0, done.stderr or done.exception

    group.run(undo)
    assert before == (group.traces(0), group.logins())
    group.run(undo)
    assert before == (group.traces(0), group.logins())


def test_what_was_there_before_stays(group):
    practice = group.planned[1]
    kartei = statements.qualified(practice, practice.table("KARTEI"))
    database = f"[{practice.database}]"
    group.run(
        f"ALTER DATABASE {database} SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 5 DAYS); "
        f"USE {database}; ALTER TABLE {kartei} ENABLE CHANGE_TRACKING"
    )
    before = group.traces(1)

    group.run(group.script(1))
    assert len(group.rows(1, "SELECT object_id FROM sys.change_tracking_tables")) == 4
    group.run(group.script(1, "--undo"))

    assert before == group.traces(1)
    assert group.rows(1, KEPT) == [(5,)]
    group.run(
        f"USE {database}; ALTER TABLE {kartei} DISABLE CHANGE_TRACKING; "
        f"ALTER DATABASE {database} SET CHANGE_TRACKING = OFF"
    )


def test_a_login_that_two_databases_use_goes_with_the_last(group):
    group.run(group.script(0))
    group.run(group.script(1))

    group.run(group.script(0, "--undo"))
    assert "narrow" in group.logins()
    assert group.found(group.planned[1].center_id)[0] == 0

    group.run(group.script(1, "--undo"))
    assert "narrow" not in group.logins()


def test_without_a_password_nothing_is_done(group):
    before = group.traces(0), group.logins()

    # The driver shows the first message alone, which is not the error's.
    with pytest.raises(ChartfeedError):
        group.run(group.script(0), password=None)

    assert before == (group.traces(0), group.logins())


def test_no_script_holds_a_password(group):
    for script in (group.script(0), group.script(0, "--undo")):
        assert NARROW not in script


def test_short_retention_and_cleanup_that_is_off_are_warnings(group):
    database = f"[{group.database(0)}]"
    group.run(group.script(0))
    group.run(
        f"ALTER DATABASE {database} SET CHANGE_TRACKING "
        "(CHANGE_RETENTION = 6 HOURS, AUTO_CLEANUP = OFF)"
    )
    try:
        code, found = group.found(group.planned[0].center_id)
    finally:
        group.run(group.script(0, "--undo"))

    center = group.planned[0].center_id
    assert code == 0
    assert found[center, "retention"][0][0] == found[center, "cleanup"][0][0] == "warning"


def test_nothing_to_reach_is_3(group):
    (group.folder / "wrong").write_text("wrong")
    content = json.loads(group.config.read_text())
    content["sqlserver"]["password_file"] = "wrong"
    content["registry"] = {"url": "http://127.0.0.1:1/apis/ccompat/v7"}
    other = group.folder / "nowhere.yml"
    other.write_text(json.dumps(content))

    done = CliRunner().invoke(preflight, [], obj=Context(str(other)), standalone_mode=False)

    assert done.return_value == 3
    assert re.search(r"all centers +to do +registry +the schema registry at http", done.stdout)
    assert re.search(r"vorflug_1 +to do +connection +vorflug_1: Login failed", done.stdout)
    assert "0 of 2 centers are ready" in done.stdout
