"""`chartfeed reconcile`: files as extract wrote them, damaged by hand, overtaken by the source."""

import json
import re
import secrets
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from chartfeed import settings as configuration
from chartfeed.cli import Context
from chartfeed.comparing import Wanted, compare, settle
from chartfeed.extract import read, write
from chartfeed.pause import ask, standing
from chartfeed.reconcile.command import reconcile
from chartfeed.reconcile.live import Live
from deploy.local import practices
from producers import quoting
from producers.connection import connect
from producers.days import Span
from schemas import topics
from stream_app.files.targets import Folder
from tests import approved
from tests.factories import a_progress
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.sqlserver, pytest.mark.timeout(180)]

READER = "Aa1-" + secrets.token_urlsafe(12)
DAY = date(2022, 1, 18)
FIRST = "SELECT TOP (1) <KARTEI.ID> FROM <KARTEI> WHERE <KARTEI.DATUM> = '20220118'"
STEM = "ivoris_chart_entries_2022-01-18"


class Group:
    """Approved practices, and the files of all their days as extract writes them."""

    def __init__(self, folder, planned, sa, mappings):
        self.folder = folder
        self.output = folder / "output"
        self.planned = planned
        self.sa = sa
        self.mappings = mappings
        self.settings = configuration.load(folder / "chartfeed.yml")
        self.days = self.all_days()
        self.write(self.days)

    def all_days(self):
        """Give the days on which any of the practices has entries, as they say themselves."""
        found = set()
        for at in range(len(self.planned)):
            for (day,) in self.rows(at, "SELECT DISTINCT <KARTEI.DATUM> FROM <KARTEI>"):
                try:
                    found.add(datetime.strptime(str(day), "%Y%m%d").replace(tzinfo=UTC).date())
                except ValueError:
                    continue  # One of the flaws.
        return sorted(found)

    def write(self, days):
        for day in days:
            reading = read(self.settings, self.settings.centers, day)
            assert not reading.missing
            write(reading, Folder(self.output), ("csv", "json", "parquet"), datetime.now(UTC))

    def named(self, at, sql):
        mapping = self.mappings[self.planned[at].center_id]

        def actual(match):
            table, _, column = match[1].partition(".")
            if column:
                return quoting.name(mapping.column(table, column))
            return quoting.qualified(mapping.schema_name(), mapping.table(table))

        return re.sub(r"<([A-Z_.]+)>", actual, sql)

    def rows(self, at, sql):
        login = replace(self.sa, database=self.planned[at].database)
        with closing(connect(login)) as connection:
            return connection.execute(self.named(at, sql)).fetchall()

    def change(self, at, *statements):
        login = replace(self.sa, database=self.planned[at].database)
        with closing(connect(login)) as connection:
            for sql in statements:
                connection.execute(self.named(at, sql))

    def run(self, *arguments):
        done = CliRunner().invoke(
            reconcile,
            arguments or ["--all"],
            obj=Context(str(self.folder / "chartfeed.yml")),
            standalone_mode=False,
        )
        assert done.exception is None, done.exception
        return done

    def told(self, *arguments):
        done = self.run("--json", *(arguments or ["--all"]))
        return done.return_value, json.loads(done.stdout)

    def file(self, name):
        return self.output / f"{STEM}.{name}"


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reconcile")
    request = practices.Request(
        count=3,
        families=("clean", "suffixed", "nameless"),
        patients=12,
        years=1,
        tables=10,
        insurers=20,
        flaws=4,
        foreign_ids=True,
        seed=5,
    )
    planned = practices.plan(request)
    with running(tmp_path_factory.mktemp("reconcile-server")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        approved.configure(folder, {sa.server: planned}, READER)
        mappings = approved.approve_all(folder / "mappings", planned, sa)
        yield Group(folder, planned, sa, mappings)


@pytest.fixture
def day(group):
    """Write the day's files anew afterwards, as the source then has it."""
    yield group
    group.write([DAY, date(2022, 1, 19)])


def test_what_extract_wrote_is_identical_for_all_days(group):
    done = group.run("--all")

    assert done.return_value == 0, done.stdout + done.stderr
    assert re.match(rf"identical: [\d,]+ rows of 3 centers, {len(group.days)} days", done.stdout)


class Filling(Folder):
    """A folder that shows a day's manifest from its third listing on."""

    def __init__(self, path, day):
        super().__init__(path)
        self.hidden = f"ivoris_chart_entries_{day}.manifest.json"
        self.listings = 0

    def names(self):
        self.listings += 1
        return [name for name in super().names() if self.listings > 2 or name != self.hidden]


def test_days_that_get_their_files_meanwhile_are_compared_and_counted(group):
    output = Filling(group.output, DAY)

    report = settle(Wanted(group.settings, group.settings.centers, output, Span()))

    assert (True, len(group.days)) == (report.is_identical, report.days)


def test_a_day_a_center_and_days_since_are_looked_at_alone(group):
    code, one = group.told("--date", "2022-01-18", "--center", group.planned[0].center_id)
    assert (code, one["days"], one["rows"]) == (0, 1, 6)
    code, later = group.told("--since", group.days[-3].isoformat())
    assert (code, later["days"]) == (0, 3)
    code, none = group.told("--date", "1999-01-01")
    assert (code, none["days"], none["rows"]) == (0, 0, 0)


def kinds(found):
    return sorted((one["kind"], tuple(one["fields"])) for one in found["differences"])


def edited(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def rehashed(group):
    """Write the manifest that fits the files as they are now: only their rows give them away."""
    import hashlib

    manifest = json.loads(group.file("manifest.json").read_text())
    for file in manifest["files"].values():
        content = (group.output / file["name"]).read_bytes()
        file["sha256"], file["bytes"] = hashlib.sha256(content).hexdigest(), len(content)
    group.file("manifest.json").write_text(json.dumps(manifest))


def test_a_file_that_was_edited_is_not_what_its_manifest_says(day):
    edited(day.file("csv"), "AOK", "AKO")

    code, found = day.told("--date", "2022-01-18")

    assert code == 1
    assert [(one["file"], one["problem"]) for one in found["files"]] == [
        (f"{STEM}.csv", "is not what the manifest says: another sha256"),
        (f"{STEM}.csv", "does not agree with the json file: 1 rows differ, or their order"),
    ]
    assert found["differences"] == []


def test_rows_that_are_gone_doubled_or_changed_are_named(day):
    lines = day.file("json").read_text(encoding="utf-8").splitlines(keepends=True)
    assert "AOK" in lines[1]
    assert lines[3] != lines[4]
    lines[1] = lines[1].replace("AOK", "AKO")
    lines[3] = lines[4]
    day.file("json").write_text("".join(lines), encoding="utf-8")
    for extension in ("csv", "parquet"):
        day.file(extension).unlink()
    manifest = json.loads(day.file("manifest.json").read_text())
    del manifest["files"]["csv"], manifest["files"]["parquet"]
    day.file("manifest.json").write_text(json.dumps(manifest))
    rehashed(day)

    code, found = day.told("--date", "2022-01-18")

    assert code == 1
    assert found["files"] == []
    assert kinds(found) == [
        ("different", ("insurance_name",)),
        ("missing", ()),
        ("surplus", ()),
    ]
    missing = next(one for one in found["differences"] if one["kind"] == "missing")
    assert missing["entry_id"] is not None
    text = day.run("--date", "2022-01-18").stdout
    entry = json.loads(lines[4].rstrip(",\n"))
    assert entry["chart_entry"] not in text
    assert "1 different, 1 missing, 1 surplus" in text


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_any_format_alone_is_enough(day, extension):
    manifest = json.loads(day.file("manifest.json").read_text())
    for other in {"csv", "json", "parquet"} - {extension}:
        day.file(other).unlink()
        del manifest["files"][other]
    day.file("manifest.json").write_text(json.dumps(manifest))

    assert day.told("--date", "2022-01-18")[0] == 0


def test_a_day_without_files_lacks_all_its_rows(day):
    for path in day.output.glob(f"{STEM}.*"):
        path.unlink()

    code, found = day.told("--date", "2022-01-18")

    assert code == 1
    assert kinds(found) == [("missing", ())] * 18


def test_a_manifest_that_says_nothing_is_a_problem(day):
    day.file("manifest.json").write_text("{")

    code, found = day.told("--date", "2022-01-18")

    assert code == 1
    assert found["files"][0]["problem"].endswith(
        "manifest.json is damaged: KeyError('format')"
    ) or ("damaged" in found["files"][0]["problem"])


def test_rows_out_of_order_are_a_difference(day):
    lines = day.file("json").read_text(encoding="utf-8").splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    day.file("json").write_text("".join(lines), encoding="utf-8")

    code, found = day.told("--date", "2022-01-18")

    assert code == 1
    assert ("order", ()) in kinds(found)


# Each leaves the first patient, with whom the next one begins, something to change.
CHANGES = {
    "a text": "UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'neu' WHERE <KARTEI.ID> = {entry}",
    "an insurer's name": (
        "UPDATE <KASSEN> SET <KASSEN.NAME> = N'Umbenannt' WHERE <KASSEN.NAME> LIKE N'AOK%'"
    ),
    "a service": "UPDATE <LEISTUNG> SET <LEISTUNG.LEISTUNG> = '2197' WHERE <LEISTUNG.ID> = {last}",
    "a deleted service": "DELETE FROM <LEISTUNG> WHERE <LEISTUNG.ID> = {last}",
    "a deleted link": "DELETE FROM <PATKASSE> WHERE <PATKASSE.PATNR> = {patient}",
    "an entry of another day": (
        "UPDATE <KARTEI> SET <KARTEI.DATUM> = '20220119' WHERE <KARTEI.ID> = {entry}"
    ),
    "a deleted entry": "DELETE FROM <KARTEI> WHERE <KARTEI.ID> = {entry}",
}


def literal(value):
    return f"N'{value}'" if isinstance(value, str) else value


@pytest.mark.parametrize("at", [0, 2], ids=["clean", "nameless"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_the_source_changed_since_is_left_out(day, change, at):
    order = "ORDER BY <KARTEI.PATNR>, <KARTEI.ID>"
    ((entry, patient),) = day.rows(at, f"{FIRST.replace('.ID>', '.ID>, <KARTEI.PATNR>')} {order}")
    services = day.rows(
        at,
        "SELECT MAX(<LEISTUNG.ID>) FROM <LEISTUNG> WHERE <LEISTUNG.DATUM> = '20220118' "
        f"AND <LEISTUNG.PATIENTID> = {literal(patient)}",
    )
    ids = {"entry": entry, "patient": patient, "last": services[0][0]}
    known = {name: literal(value) for name, value in ids.items()}

    day.change(at, CHANGES[change].format_map(known))

    code, found = day.told("--date", "2022-01-18")
    assert (code, found["differences"]) == (0, []), found
    assert {one["center_id"] for one in found["left_out"]} == {day.planned[at].center_id}
    day.write([DAY, date(2022, 1, 19)])
    assert day.told("--date", "2022-01-18")[0] == 0


def test_a_change_does_not_excuse_another_patients_rows(day):
    lines = day.file("json").read_text(encoding="utf-8").splitlines(keepends=True)
    edited(day.file("json"), lines[5], lines[5].replace('"chart_entry":"', '"chart_entry":"x'))
    ((entry,),) = day.rows(2, f"{FIRST} ORDER BY <KARTEI.ID> DESC")
    day.change(2, f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'später' WHERE <KARTEI.ID> = {entry}")

    code, found = day.told("--date", "2022-01-18")

    assert code == 1
    assert kinds(found) == [("different", ("chart_entry",))]
    assert len(found["left_out"]) == 1


def test_where_changes_are_no_longer_known_that_is_said(day):
    ((entry,),) = day.rows(0, f"{FIRST} ORDER BY <KARTEI.ID>")
    day.change(
        0,
        f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'spät' WHERE <KARTEI.ID> = {entry}",
        "EXEC standin.age_changes @seconds = 400000",
        "EXEC sys.sp_flush_CT_internal_table_on_demand",
    )

    code, found = day.told("--date", "2022-01-18")

    assert code == 1
    assert kinds(found) == [("different", ("chart_entry",))]
    assert "no longer known" in found["undecided"][day.planned[0].center_id]


def test_a_center_that_is_down_is_not_identical(group):
    database = group.planned[1].database
    group.change(0, f"ALTER DATABASE [{database}] SET OFFLINE WITH ROLLBACK IMMEDIATE")
    try:
        code, found = group.told("--date", "2022-01-18")
    finally:
        group.change(0, f"ALTER DATABASE [{database}] SET ONLINE")

    assert code == 1
    assert list(found["not_compared"]) == [group.planned[1].center_id]


def test_what_a_stream_should_show_by_now_is_not_left_out(day):
    """An old manifest claims little; the stream's own progress tells that the change is due."""
    ((entry,),) = day.rows(0, f"{FIRST} ORDER BY <KARTEI.ID>")
    manifest = json.loads(day.file("manifest.json").read_text())
    day.file("manifest.json").write_text(json.dumps(manifest | {"generation": 1}))
    before = manifest["centers"][0]["complete_through"]["version"]
    day.change(0, f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'fällig' WHERE <KARTEI.ID> = {entry}")

    def kinds_by(version):
        center = day.settings.centers[0]
        progress = a_progress(center_id=center.id, version=version, offsets=())
        wanted = Wanted(
            day.settings,
            [center],
            Folder(day.output),
            Span(DAY, DAY),
            live=Live(12, {center.id: progress}, {}),
        )
        report = compare(wanted)
        return [one.kind for one in report.differences], len(report.centers[0].left_out)

    assert kinds_by(before) == ([], 1)
    assert kinds_by(before + 1) == (["different"], 0)
    # So that extract may write the day again.
    day.file("manifest.json").write_text(json.dumps(manifest))


def on_kafka(group, services):
    """Give a configuration of the group that names the tests' broker, too."""
    config = group.folder / "on-kafka.yml"
    content = json.loads((group.folder / "chartfeed.yml").read_text())
    content |= {
        "kafka": {"bootstrap": services["kafka"]["address"]},
        "registry": {"url": services["registry"]["address"]},
    }
    config.write_text(json.dumps(content))
    return config


@pytest.mark.kafka
def test_a_repair_asks_the_producers_of_the_centers_that_differ(day, services, stack, chartfeed):
    chartfeed("topics", "create", home=stack)
    chartfeed("schemas", "register", home=stack)
    config = on_kafka(day, services)
    lines = day.file("json").read_text(encoding="utf-8").splitlines(keepends=True)
    edited(day.file("json"), lines[1], lines[1].replace('"chart_entry":"', '"chart_entry":"x'))
    names = [center.id for center in day.settings.centers]
    settings = configuration.load(config)

    done = CliRunner().invoke(
        reconcile,
        ["--date", "2022-01-18", "--repair"],
        obj=Context(str(config)),
        standalone_mode=False,
    )

    try:
        assert done.return_value == 1
        assert f"{names[0]}: a resync is asked for" in done.stderr
        commands = standing(settings, names)
        assert [command and command.action for command in commands.values()] == [
            "resync",
            None,
            None,
        ]
    finally:
        ask(settings, names, "resume", {})


@pytest.mark.kafka
def test_what_differs_in_a_day_that_waits_to_be_written_needs_no_repair(
    day, services, stack, chartfeed
):
    chartfeed("topics", "create", home=stack)
    settings = configuration.load(on_kafka(day, services))
    lines = day.file("json").read_text(encoding="utf-8").splitlines(keepends=True)
    edited(day.file("json"), lines[1], lines[1].replace('"chart_entry":"', '"chart_entry":"x'))
    whole = json.loads(day.file("manifest.json").read_text())
    position = {"partition": topics.partition_of_day(DAY, 12), "offset": 1}

    def settled(offset):
        owned = {"generation": 1, "position": position | {"offset": offset}}
        day.file("manifest.json").write_text(json.dumps(whole | owned))
        wanted = Wanted(settings, settings.centers, Folder(day.output), Span(DAY, DAY))
        return settle(wanted, timedelta(0))

    producer = Producer(settings.kafka.client)
    producer.produce(
        topics.UNIFIED_ENTRIES.name,
        None,
        topics.unified_key(DAY, "center_01", 1),
        position["partition"],
    )
    producer.flush(20)
    waiting, written = settled(0), settled(10**6)
    # So that extract may write the day again.
    day.file("manifest.json").write_text(json.dumps(whole))

    assert ({DAY}, []) == (waiting.unwritten, waiting.differing)
    assert "1 day waits for the stream" in waiting.note
    assert waiting.exit_code == written.exit_code == 1
    assert (frozenset(), [settings.centers[0].id]) == (written.unwritten, written.differing)


def test_a_repair_asks_for_nothing_where_all_is_identical(group):
    assert group.run("--date", "2022-01-18", "--repair").stderr == ""
