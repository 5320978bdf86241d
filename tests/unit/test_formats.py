"""What outlives a process is read by later versions, or made anew with a word about it.

`tests/golden/formats/NAME/VERSION` has each format as it was written then. A changed format is a
new folder; a file that is there is never changed.
"""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from deploy.local import layout
from deploy.local.layout import Layout
from producers import approval, audit, mapping_file, mapping_format
from producers.capture.learning import Learning
from producers.discovery import valuebank
from producers.errors import MappingDamaged
from schemas import avro
from schemas.codec import HEADER, MAGIC, Encoder, Undecodable, UnknownSchema
from schemas.errors import BadInput
from schemas.records import Checkpoint, Command
from stream_app.files import manifest
from stream_app.join import Partition, tables
from stream_app.replay import journal
from stream_app.sink import statements
from tests.factories import A_DAY
from tests.naive_join import a_contract
from tests.unified import a_store, rows_of
from tests.unit.test_capture_position import a_checkpoint

GOLDEN = Path(__file__).parents[1] / "golden" / "formats"
CURRENT = {
    "audit-log": audit.FORMAT,
    "days-state": statements.FORMAT,
    "join-state": tables.FORMAT,
    "local-home": layout.FORMAT,
    "manifest": manifest.FORMAT,
    "mapping": mapping_format.FORMAT,
    "replay-journal": journal.FORMAT,
    "value-bank": valuebank.FORMAT,
}
MAPPING = GOLDEN / "mapping" / "1" / "center_07.yml"


def restored(path, name, version):
    """Make a SQLite file of the statements that are kept of it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / name / version / "state.sql").read_text("utf-8"))
        connection.commit()
    return path


def structure(path):
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
        return [(name, " ".join((sql or "").split())) for name, sql in found]


@pytest.mark.parametrize("name", sorted(CURRENT))
def test_every_version_up_to_todays_is_kept(name):
    versions = {path.name for path in (GOLDEN / name).iterdir()} - {"unnumbered"}
    assert {str(number) for number in range(1, CURRENT[name] + 1)} == versions


def test_a_mapping_of_the_first_format_is_read():
    assert mapping_file.load(MAPPING, center="center_07").reviewed_by == "Dr. Grün"


def test_a_newer_mapping_is_refused(tmp_path):
    path = tmp_path / "center_07.yml"
    path.write_text(MAPPING.read_text("utf-8").replace("format: 1", "format: 2"), "utf-8")
    with pytest.raises(MappingDamaged, match=r"format 2 is newer(.|\n)*update chartfeed"):
        mapping_file.load(path)


@pytest.mark.parametrize("version", ["unnumbered", "1"])
def test_an_approval_holds_by_a_log_of_an_earlier_format(tmp_path, version):
    shutil.copy(GOLDEN / "audit-log" / version / audit.NAME, tmp_path)
    approval.require_logged(tmp_path, mapping_file.load(MAPPING))


def test_beside_a_line_of_a_newer_log_nothing_is_approved(tmp_path):
    lines = (GOLDEN / "audit-log" / "1" / audit.NAME).read_text("utf-8")
    (tmp_path / audit.NAME).write_text(lines + '{"format": 2, "act": "withdrawal"}\n', "utf-8")
    with pytest.raises(MappingDamaged, match=r"jsonl:3: format 2 is newer(.|\n)*update chartfeed"):
        approval.require_logged(tmp_path, mapping_file.load(MAPPING))


def test_a_value_bank_of_the_first_format_is_read():
    bank = valuebank.load(GOLDEN / "value-bank" / "1" / valuebank.NAME)
    assert bank.learned("KARTEI", "BEMERKUNG") == {"EINTRAGUNG"}


def test_a_newer_value_bank_is_refused(tmp_path):
    path = tmp_path / valuebank.NAME
    path.write_text("format: 2\nnames: {}\n")
    with pytest.raises(
        MappingDamaged, match=r"format 2 is newer(.|\n)*update chartfeed, or delete"
    ):
        valuebank.load(path)


def test_a_checkpoint_of_the_first_schema_is_read():
    folder = GOLDEN / "checkpoint" / "1"
    schema = json.loads((folder / "schema.avsc").read_text("utf-8"))

    found = Learning(Checkpoint, lambda _: schema).decode((folder / "value.bin").read_bytes())

    assert a_checkpoint() == found


def test_a_checkpoint_with_more_than_we_know_is_read_without_it():
    schema = avro.load(Checkpoint)
    schema = {**schema, "fields": [*schema["fields"], {"name": "mood", "type": "string"}]}
    value = Encoder(Checkpoint, 9).encode(a_checkpoint()) + b"\x08good"

    assert a_checkpoint() == Learning(Checkpoint, lambda _: schema).decode(value)


def test_a_checkpoint_that_is_another_record_is_refused():
    value = HEADER.pack(MAGIC, 9) + b"\x00" * 40
    with pytest.raises(Undecodable):
        Learning(Checkpoint, lambda _: avro.load(Command)).decode(value)
    with pytest.raises(UnknownSchema, match="schema 9 is not known"):
        Learning(Checkpoint, lambda _: None).decode(value)


def test_a_joins_state_of_the_first_format_goes_on_where_it_was(tmp_path):
    path = restored(tmp_path / "join-0.sqlite", "join-state", "1")

    with closing(Partition.open(path, a_contract())) as partition:
        assert partition.rebuilding is None
        assert partition.offsets()["chartfeed.chart-entries"] == 4
        assert len(partition.outbox(100).rows) == 1

    assert not path.with_name("join-0.sqlite.aside").exists()


def test_a_joins_state_of_another_format_is_kept_aside_and_made_anew(tmp_path):
    path = restored(tmp_path / "join-0.sqlite", "join-state", "1")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
        connection.commit()

    with closing(Partition.open(path, a_contract())) as partition:
        assert partition.rebuilding == "the state is of another format"
        assert partition.offsets() == {}

    assert path.with_name("join-0.sqlite.aside").exists()


def test_days_of_todays_format_go_on_where_they_were(tmp_path):
    restored(tmp_path / "days-0.sqlite", "days-state", str(statements.FORMAT))

    with closing(a_store(tmp_path)) as store:
        assert store.position == 2
        assert len(rows_of(store, A_DAY)) == 2
        assert [b"nonsense"] == [found.key for found in store.unburied()]


@pytest.mark.parametrize("version", [1, 99])
def test_days_of_another_format_are_made_anew(tmp_path, version):
    path = restored(tmp_path / "days-0.sqlite", "days-state", "1")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", (version,))
        connection.commit()

    with structlog.testing.capture_logs() as told, closing(a_store(tmp_path)) as store:
        assert store.position is None

    assert [("state is made anew", "its format is another one")] == [
        (line["event"], line["why"]) for line in told
    ]


@pytest.mark.parametrize("name", ["join-state", "days-state"])
def test_tables_change_only_with_their_format(tmp_path, name):
    """Where this fails: raise FORMAT, and add a folder for it."""
    then = restored(tmp_path / "then.sqlite", name, str(CURRENT[name]))
    if name == "join-state":
        now = tmp_path / "now.sqlite"
        Partition.open(now, a_contract()).close()
    else:
        a_store(tmp_path).close()
        now = tmp_path / "days-0.sqlite"

    assert structure(then) == structure(now)


def test_a_manifest_of_the_first_format_is_read():
    (path,) = (GOLDEN / "manifest" / "1").iterdir()
    found = manifest.parse(path.read_bytes(), path.name)
    assert (found.target_date, found.record_count) == (A_DAY, 2)


def test_a_newer_manifest_is_refused():
    (path,) = (GOLDEN / "manifest" / "1").iterdir()
    newer = path.read_bytes().replace(b'"format": 1', b'"format": 2')
    with pytest.raises(BadInput, match=r"has format 2(.|\n)*use the version of chartfeed that"):
        manifest.parse(newer, path.name)


def test_a_replay_of_the_first_format_goes_on(tmp_path):
    shutil.copy(GOLDEN / "replay-journal" / "1" / "journal.json", tmp_path)
    with journal.held(tmp_path, {"centers": ["center_01"], "since": None}) as found:
        assert (found.settled, found.lost) == (True, ["center_02"])


def test_a_replay_of_a_newer_format_is_refused(tmp_path):
    (tmp_path / "journal.json").write_text('{"format": 2}')
    with (
        pytest.raises(BadInput, match=rf"format 2, newer(.|\n)*remove {re.escape(str(tmp_path))}"),
        journal.held(tmp_path, {}),
    ):
        pass
    assert (tmp_path / "journal.json").exists()


@pytest.mark.parametrize("version", ["unnumbered", "1"])
def test_a_local_home_of_an_earlier_format_keeps_its_ports(version):
    found = Layout.load(GOLDEN / "local-home" / version / "stack.json")
    assert found.ports["kafka"]["client"] == 9092


def test_a_newer_local_home_is_refused(tmp_path):
    (tmp_path / "stack.json").write_text('{"format": 2}')
    with pytest.raises(BadInput, match=r"made by a newer chartfeed(.|\n)*local --home FOLDER up"):
        Layout.load(tmp_path / "stack.json")
