"""Daily files in an object store, on a server that speaks S3."""

import socket
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path

import pytest
import s3fs

from stream_app.files import day as files
from stream_app.files.months import open_daily
from stream_app.files.rendering import file_name
from stream_app.files.targets import CannotWrite
from stream_app.sink.flushing import whole
from stream_app.sink.survey import missing, survey, touched
from tests.factories import A_DAY, A_MOMENT
from tests.unified import a_store, an_entry, batch, records
from tests.unit.test_sink_files import a_writer
from tests.unit.test_sink_flusher import NEXT_DAY, flushing, soon


class S3:
    """A server on a port of its own, which keeps what it has in memory."""

    def __init__(self, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.start()

    def start(self) -> None:
        with self.log.open("a") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=out,
                stderr=out,
            )
        soon(self.answers, 20)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            urllib.request.urlopen(self.url, timeout=5).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    server = S3(tmp_path_factory.mktemp("s3") / "log")
    yield server
    server.stop()


@pytest.fixture
def place(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = f"days-{uuid.uuid4().hex[:8]}"
    s3fs.S3FileSystem().mkdir(bucket)
    return f"s3://{bucket}/out"


@pytest.mark.parametrize("by_month", [False, True])
def test_days_are_kept_in_a_bucket(place, tmp_path, by_month):
    target = open_daily(place, by_month=by_month)
    store = a_store(tmp_path)
    # More than S3 takes in one piece of an upload.
    rows = [an_entry(entry_id=number, chart_entry="x" * 2000) for number in range(4000)]
    store.take([batch(records(*rows))], A_MOMENT)
    view = store.view()
    assert [] == target.names()

    manifest = a_writer(target).write(store, view, A_DAY)

    assert manifest == files.read_manifest(target, A_DAY)
    assert whole(target, manifest)
    assert [] == missing(target.listing(), store.days())
    found = survey(
        target,
        target.listing(),
        store.days(),
        partition=0,
        partitions=1,
        formats=("csv", "json"),
        now_ms=1,
    )
    assert (6, (A_DAY,)) == (found.generation, found.fitting)
    assert a_writer(target, generation=6).refresh(store, view, A_DAY)
    with pytest.raises(files.NewerOwner):
        a_writer(target).write(store, view, A_DAY)
    before, name = target.listing(), file_name(A_DAY, "csv")
    assert {} == touched(target.listing(), store.days(), before)
    target.replace(name, [(target.read(name) or b"").replace(b"AOK", b"BKK")])
    assert {A_DAY: {name}} == touched(target.listing(), store.days(), before)
    target.replace(file_name(A_DAY, "csv"), [b"other"])
    assert [A_DAY] == missing(target.listing(), store.days())
    view.close()
    store.close()


def test_a_bucket_that_is_not_there_is_told_as_such(place):
    target = open_daily(place.replace("days-", "other-"), by_month=False)

    with pytest.raises(CannotWrite, match="can't be written"):
        target.replace("x", [b"x"])


def test_a_store_that_was_away_and_comes_back_empty_has_all_days_again(s3, place, tmp_path):
    target = open_daily(place, by_month=False)
    with flushing(target, tmp_path, audit_every=0.5) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()))
        s3.stop()
        try:
            running.take(an_entry(date=NEXT_DAY))
            soon(lambda: running.flusher.trouble is not None, 45)
            assert place in running.flusher.trouble
        finally:
            s3.start()
        s3fs.S3FileSystem().mkdir(place.removeprefix("s3://").split("/")[0])
        soon(lambda: running.written(A_DAY, an_entry()), 30)
        soon(lambda: running.flusher.trouble is None)
        soon(lambda: running.written(NEXT_DAY, an_entry(date=NEXT_DAY)))
