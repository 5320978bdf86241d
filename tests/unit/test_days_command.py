"""`chartfeed days` and `day`: what is known now of each day, and of those that can't be read."""

from dataclasses import replace
from datetime import date, timedelta

import orjson
import pytest
from click.testing import CliRunner

from chartfeed import days
from chartfeed.cli import Context
from chartfeed.newest import NEWEST
from schemas.topics import partition_of_day
from stream_app.files import day as files
from stream_app.files.manifest import Manifest, Position
from stream_app.files.rendering import manifest_name
from stream_app.files.targets import Folder
from tests.console import configured
from tests.unit.test_sink_claims import START, a_progress, a_status, at, line_of, told

OLD, LATER = START.date(), START.date().replace(day=13)
OTHERS = START.date().replace(day=2)


def a_manifest(day, offset, partition=0, line=None):
    lines = (line or line_of(told(a_progress(ends={0: 5})), position=6),)
    return Manifest(day, START, 0, {}, lines, position=Position(partition, offset))


@pytest.fixture
def renew():
    """Give what is known after another day of the old one's partition had rows for a while."""
    claims = told(a_progress(ends={0: 5}), a_status(), now=0)
    claims.applied(a_progress(version=130, ends={0: 90}, applied_at=at(120)), at(1))
    claims.told(a_status(now=119, version=130), at(120))
    return lambda manifest, shown: claims.renewed(manifest, at(120), shown)


def test_an_old_day_is_not_behind_because_another_day_of_its_partition_had_rows(renew):
    found = [a_manifest(OLD, 6), a_manifest(OTHERS, 3, partition=1), a_manifest(LATER, 91)]

    listed = days.now(found, found, renew)

    assert found == [manifest for manifest, _ in listed]
    assert [None, None] == [listed[number][1][0].behind for number in (0, 2)]
    assert [(found[0], listed[0][1])] == days.now(found[:1], found, renew)


def test_a_day_whose_rows_are_in_nobodys_files_is_behind(renew):
    found = [a_manifest(OLD, 6), a_manifest(OTHERS, 91, partition=1), a_manifest(LATER, 90)]

    ((_, (line,)),) = days.now(found[:1], found, renew)

    assert "lagging" == line.behind


def test_without_kafka_a_day_is_as_its_manifest_has_it():
    found = replace(a_manifest(OLD, 6), position=None)

    assert [(found, found.centers)] == days.now([found], [found], None)


def test_only_days_of_the_same_partition_tell_how_much_of_it_is_shown(tmp_path):
    output = Folder(tmp_path)
    newest = [date(2026, 1, 1) + timedelta(days=number) for number in range(60)]
    for day in newest:
        files.write(output, day, [], formats=("csv",), centers=[], written_at=START)
    of = partition_of_day(OLD, 12)
    fellows = [day for day in newest[-NEWEST:] if partition_of_day(day, 12) == of]
    output.replace(manifest_name(fellows[0]), [b"{"])

    assert fellows[1:] == [one.target_date for one in days.beside(output, OLD, 12)]
    assert len(fellows) > 1


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Give what `chartfeed days` says of three days, one of them damaged, without a broker."""
    monkeypatch.setattr(days, "LIVE_SECONDS", 0.1)
    config = tmp_path / "chartfeed.yml"
    configured(tmp_path)
    config.write_text("output: {path: output/}\nkafka: {bootstrap: '127.0.0.1:1'}\n")
    output = Folder(tmp_path / "output")
    for day in (OLD, OTHERS, LATER):
        files.write(output, day, [], formats=("csv",), centers=[], written_at=START)
    output.replace(manifest_name(OTHERS), [b"{"])

    def run(*options):
        return CliRunner().invoke(
            days.days, options, obj=Context(str(config)), standalone_mode=False
        )

    return run


def test_a_damaged_manifest_hides_no_other_day(listed):
    done = listed("--json")

    said = orjson.loads(done.stdout)
    assert [OLD.isoformat(), LATER.isoformat()] == [one["date"] for one in said["days"]]
    assert ([OTHERS.isoformat()], 1) == (said["damaged"], done.return_value)


def test_a_damaged_manifest_is_named_with_the_next_step(listed):
    done = listed()

    assert 1 == done.return_value
    assert manifest_name(OTHERS) in done.stderr
    assert "  next: " in done.stderr
