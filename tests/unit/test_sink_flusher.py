"""Files follow the state, and an output in trouble loses nothing."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from schemas.unified import file_order
from stream_app.files import day as files
from stream_app.files.manifest import Manifest
from stream_app.files.rendering import file_name, manifest_name, render
from stream_app.files.targets import Folder
from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.flusher import Flusher, Plan
from stream_app.sink.flushing import whole
from stream_app.sink.schedule import Share
from tests.factories import A_DAY, A_MOMENT
from tests.objects import an_object_store
from tests.unified import a_store, an_entry, batch, records

ROOT = Path(__file__).resolve().parents[2]
NEXT_DAY = A_DAY + timedelta(days=1)
CLAIMS = Claims((KnownCenter("center_01", "Praxis Süd"),))


class Known:
    """Knows of one center."""

    def __init__(self) -> None:
        self.loaded = threading.Event()
        self.loaded.set()

    def lines(self, shares: Any, partition: int, position: int) -> Any:
        return CLAIMS.lines(shares, partition, position, datetime.now(UTC))


class Running:
    """A flusher over one partition, with its state."""

    def __init__(self, target: Any, store: Any, *, known: Any = None, **plan: Any) -> None:
        options: dict[str, Any] = {
            "formats": ("csv", "json"),
            "partitions": 1,
            "interval": 0.1,
            "open_days": lambda _now: (),
        }
        self.store = store
        self.target = target
        self.flusher = Flusher(target, Plan(**(options | plan)), known or Known())
        self.flusher.add(Share(store, store.view()))
        self.flusher.start()

    def take(self, *rows: Any, backlog: int = 0) -> None:
        start = self.store.position or 0
        taken = self.store.take([batch(records(*rows, start=start))], A_MOMENT)
        self.flusher.changed(0, taken.days, backlog)

    def written(self, day: Any, *rows: Any) -> bool:
        """Tell whether a day's files are there, true, and have these rows."""
        manifest = files.read_manifest(self.target, day)
        if manifest is None or not whole(self.target, manifest):
            return False
        expected = render("csv", day, sorted(rows, key=file_order))
        return bool(self.target.read(file_name(day, "csv")) == expected)


@contextmanager
def flushing(target: Any, folder: Path, *, flush: bool = True, end: int = 0, **options: Any):
    store = a_store(folder / "state", end=end)
    running = Running(target, store, **options)
    yield running
    running.flusher.close(flush=flush)
    running.flusher.remove(0).view.close()
    store.close()


def soon(check: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def found(target: Any, day: Any) -> Manifest:
    manifest = files.read_manifest(target, day)
    assert manifest is not None
    return manifest


@pytest.fixture
def out(tmp_path):
    return Folder(tmp_path / "out")


def test_a_change_is_in_the_files_within_the_interval(tmp_path, out):
    with flushing(out, tmp_path, interval=1.0) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()))
        began = time.monotonic()
        for number in range(20):
            running.take(an_entry(entry_id=2, chart_entry=str(number)))
        soon(lambda: running.written(A_DAY, an_entry(), an_entry(entry_id=2, chart_entry="19")))
        # Twenty changes, but not twenty writes; the machine may be slow, so the bound is wide.
        assert time.monotonic() - began < 5
        assert running.flusher.writes < 10


def test_only_days_that_changed_are_written(tmp_path, out):
    with flushing(out, tmp_path) as running:
        running.take(an_entry(), an_entry(date=NEXT_DAY))
        soon(lambda: running.written(NEXT_DAY, an_entry(date=NEXT_DAY)))
        soon(lambda: running.written(A_DAY, an_entry()))
        before = (tmp_path / "out" / manifest_name(A_DAY)).stat()
        later = an_entry(date=NEXT_DAY, chart_entry="later")
        running.take(later)
        soon(lambda: running.written(NEXT_DAY, later))

        assert before == (tmp_path / "out" / manifest_name(A_DAY)).stat()


def test_what_waits_is_written_at_the_end_and_otherwise_after_the_next_start(tmp_path, out):
    with flushing(out, tmp_path, interval=60.0) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()))
    with flushing(out, tmp_path, flush=False) as running:
        running.take(an_entry(chart_entry="2"), backlog=10**6)
    assert not running.written(A_DAY, an_entry(chart_entry="2"))
    with flushing(out, tmp_path) as running:
        soon(lambda: running.written(A_DAY, an_entry(chart_entry="2")))


def test_a_state_that_begins_empty_touches_no_file_before_it_is_whole(tmp_path, out):
    rows = [an_entry(), an_entry(entry_id=2)]
    files.write(out, A_DAY, rows, formats=("csv",), centers=(), written_at=A_MOMENT, generation=1)
    with flushing(out, tmp_path, end=2) as running:
        running.take(rows[0])
        time.sleep(0.3)
        assert running.written(A_DAY, *rows), "a part of the rows took the place of all"
        running.take(rows[1])
        soon(lambda: found(out, A_DAY).generation != 1)
        assert running.written(A_DAY, *rows)


def test_an_older_state_touches_no_file_of_another_owner_before_it_has_caught_up(tmp_path, out):
    before, after = an_entry(), an_entry(chart_entry="2")
    with flushing(out, tmp_path) as running:
        running.take(before)
        soon(lambda: running.written(A_DAY, before))
    another = (found(out, A_DAY).generation or 0) + 1
    told: Any = {"centers": (), "written_at": A_MOMENT, "generation": another}
    files.write(out, A_DAY, [after], formats=("csv", "json"), **told)
    with flushing(out, tmp_path, end=2) as running:
        time.sleep(0.3)
        assert running.written(A_DAY, after), "a file went back to what it said before"
        running.take(after)
        soon(lambda: found(out, A_DAY).generation != another)
        soon(lambda: running.written(A_DAY, after))


def test_open_days_have_fresh_manifests_rows_or_none(tmp_path, out):
    options: Any = {"open_days": lambda _now: (A_DAY, NEXT_DAY), "refresh_every": 0.2}
    with flushing(out, tmp_path, **options) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()))
        soon(lambda: running.written(NEXT_DAY))
        for day in (A_DAY, NEXT_DAY):
            seen = found(out, day)
            soon(lambda day=day, seen=seen: found(out, day).written_at > seen.written_at)
        assert running.written(A_DAY, an_entry())


def test_files_that_somebody_removed_or_changed_are_written_again(tmp_path, out):
    with flushing(out, tmp_path, audit_every=0.2) as running:
        running.take(an_entry(), an_entry(date=NEXT_DAY))
        soon(lambda: running.written(A_DAY, an_entry()))
        soon(lambda: running.written(NEXT_DAY, an_entry(date=NEXT_DAY)))
        (tmp_path / "out" / manifest_name(A_DAY)).unlink()
        (tmp_path / "out" / file_name(NEXT_DAY, "json")).write_bytes(b"")
        soon(lambda: running.written(A_DAY, an_entry()))
        soon(lambda: running.written(NEXT_DAY, an_entry(date=NEXT_DAY)))
    content = (tmp_path / "out" / file_name(A_DAY, "csv")).read_bytes()
    (tmp_path / "out" / file_name(A_DAY, "csv")).write_bytes(content.replace(b"AOK", b"BKK"))
    with flushing(out, tmp_path) as running:
        soon(lambda: running.written(A_DAY, an_entry()))


def test_what_an_older_owner_put_in_place_late_is_written_again(tmp_path, out):
    """It checked the manifest, slept, and renamed: the sizes are what they were."""
    name = file_name(A_DAY, "csv")
    with flushing(out, tmp_path, audit_every=0.2) as running:
        running.take(an_entry(insurance_status="GKV"))
        soon(lambda: running.written(A_DAY, an_entry(insurance_status="GKV")))
        old_file, old_manifest = out.read(name), out.read(manifest_name(A_DAY))
        now = an_entry(insurance_status="PKV")
        running.take(now)
        soon(lambda: running.written(A_DAY, now))

        out.replace(name, [old_file])
        soon(lambda: running.written(A_DAY, now))
        out.replace(manifest_name(A_DAY), [old_manifest])
        soon(lambda: out.read(manifest_name(A_DAY)) != old_manifest)
        soon(lambda: running.written(A_DAY, now))


def test_files_that_nobody_touched_are_read_once_and_then_left_alone(tmp_path, out):
    class Read(Folder):
        pieces_of: list[str] = []  # noqa: RUF012 - one for the test

        def pieces(self, name):
            self.pieces_of.append(name)
            return super().pieces(name)

    target = Read(out.path)
    with flushing(target, tmp_path, audit_every=0.05) as running:
        running.take(an_entry())
        soon(lambda: {file_name(A_DAY, "csv"), file_name(A_DAY, "json")} == {*target.pieces_of})
        before = target.listing()
        audits = running.flusher._schedule.audit_at
        soon(lambda: running.flusher._schedule.audit_at > audits + 0.5)

        assert before == target.listing()
        assert 2 == len(target.pieces_of)
        assert 1 == running.flusher.writes


def test_a_damaged_manifest_of_an_open_day_is_written_anew_and_holds_no_other_day_up(tmp_path, out):
    options: Any = {"open_days": lambda _now: (A_DAY, NEXT_DAY), "refresh_every": 0.2}
    with flushing(out, tmp_path, **options) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()) and running.written(NEXT_DAY))
        out.replace(manifest_name(NEXT_DAY), [b""])
        soon(lambda: out.read(manifest_name(NEXT_DAY)) != b"")
        assert running.written(NEXT_DAY)
        seen = found(out, A_DAY)
        soon(lambda: found(out, A_DAY).written_at > seen.written_at)
        assert running.flusher.trouble is None


def test_a_full_temporary_folder_before_an_object_store_ends_nothing_and_heals(
    tmp_path, monkeypatch
):
    target = an_object_store(tmp_path.name)
    options: Any = {"open_days": lambda _now: (A_DAY,), "refresh_every": 0.2}
    with flushing(target, tmp_path, **options) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()))
        with monkeypatch.context() as patched:
            patched.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
            soon(lambda: running.flusher.trouble is not None)
            assert "temporary folder" in running.flusher.trouble
            running.take(an_entry(chart_entry="2"))
            soon(lambda: running.flusher._backoff >= 2)
            assert "temporary folder" in running.flusher.trouble
        soon(lambda: running.written(A_DAY, an_entry(chart_entry="2")))
        soon(lambda: running.flusher.trouble is None)
        assert running.flusher.failure is None


def test_a_whole_folder_that_is_gone_comes_back(tmp_path, out):
    with flushing(out, tmp_path, audit_every=0.2) as running:
        running.take(an_entry(), an_entry(date=NEXT_DAY))
        soon(lambda: running.written(A_DAY, an_entry()))
        soon(lambda: running.written(NEXT_DAY, an_entry(date=NEXT_DAY)))
        (tmp_path / "out").rename(tmp_path / "elsewhere")
        soon(lambda: running.written(A_DAY, an_entry()))
        soon(lambda: running.written(NEXT_DAY, an_entry(date=NEXT_DAY)))


def in_trouble_and_healed(running: Any, spoil: Any, heal: Any) -> Any:
    """Give what was logged while the output was in trouble for a while."""
    running.take(an_entry())
    soon(lambda: running.written(A_DAY, an_entry()))
    spoil()
    with structlog.testing.capture_logs() as logged:
        running.take(an_entry(chart_entry="2"), an_entry(date=NEXT_DAY))
        soon(lambda: running.flusher.trouble is not None)
        soon(lambda: running.flusher._backoff >= 2)  # It was tried more than once.
        assert running.store.dirty()
        assert running.written(A_DAY, an_entry()), "the old file is whole while it lasts"
        trouble = running.flusher.trouble
        heal()
        soon(lambda: running.flusher.trouble is None)
        soon(lambda: not running.store.dirty())
    assert running.written(A_DAY, an_entry(chart_entry="2"))
    assert running.written(NEXT_DAY, an_entry(date=NEXT_DAY))
    told = [line["event"] for line in logged]
    assert ["files can't be written", "files can be written again"] == told
    return trouble


@pytest.fixture
def disk(tmp_path):
    """Give a small disk of its own, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_loses_nothing_and_heals(tmp_path, disk):
    filler = disk / "filler"

    def fill():
        free = os.statvfs(disk)
        filler.write_bytes(b"x" * free.f_bavail * free.f_bsize)

    with flushing(Folder(disk / "out"), tmp_path) as running:
        trouble = in_trouble_and_healed(running, fill, filler.unlink)
    assert "make room" in trouble


def test_a_disk_that_is_read_only_loses_nothing_and_heals(tmp_path, disk):
    def remount(how):
        subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)

    with flushing(Folder(disk / "out"), tmp_path) as running:
        trouble = in_trouble_and_healed(running, lambda: remount("ro"), lambda: remount("rw"))
    assert "mount the disk" in trouble


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_loses_nothing_and_heals(tmp_path, out):
    with flushing(out, tmp_path) as running:
        trouble = in_trouble_and_healed(
            running, lambda: out.path.chmod(0o555), lambda: out.path.chmod(0o755)
        )
    assert "let this user write" in trouble


def test_a_folder_whose_place_a_file_has_taken_loses_nothing_and_heals(tmp_path, out):
    away = tmp_path / "away"

    def spoil():
        out.path.rename(away)
        out.path.write_text("")

    def heal():
        out.path.unlink()
        away.rename(out.path)

    with flushing(out, tmp_path) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()))
        spoil()
        running.take(an_entry(chart_entry="2"))
        soon(lambda: running.flusher.trouble is not None)
        heal()
        soon(lambda: running.written(A_DAY, an_entry(chart_entry="2")))
        soon(lambda: running.flusher.trouble is None)


def test_a_newer_owner_ends_the_writing(tmp_path, out):
    with flushing(out, tmp_path) as running:
        running.take(an_entry())
        soon(lambda: running.written(A_DAY, an_entry()))
        newer = (found(out, A_DAY).generation or 0) + 1
        files.write(
            out, A_DAY, [], formats=("csv",), centers=(), written_at=A_MOMENT, generation=newer
        )
        running.take(an_entry(chart_entry="stale"))
        share = running.flusher.shares()[0]
        soon(lambda: share.lost is not None)
        assert running.written(A_DAY)
        assert running.store.dirty(), "the next assignment has to look at it"


def test_a_partition_is_given_away_in_the_middle_of_a_write(tmp_path):
    class Slow(Folder):
        began = threading.Event()
        go_on = threading.Event()

        def replace(self, name, content, check=lambda: None):
            def held():
                for piece in content:
                    yield piece
                    self.began.set()
                    self.go_on.wait(10)

            super().replace(name, held(), check)

    out = Slow(tmp_path / "out")
    store = a_store(tmp_path / "state")
    running = Running(out, store)
    running.take(an_entry())
    assert out.began.wait(10)
    share = running.flusher.shares()[0]
    removing = threading.Thread(target=running.flusher.remove, args=[0])
    removing.start()
    soon(lambda: share.closing)
    out.go_on.set()
    removing.join(10)

    assert not removing.is_alive()
    assert [] == out.names()
    assert [A_DAY] == store.dirty()
    running.flusher.close(flush=True)
    share.view.close()
    store.close()


def test_an_error_that_has_no_name_ends_the_thread_and_is_told(tmp_path, out):
    class Broken(Known):
        def lines(self, *_):
            raise ZeroDivisionError

    caught: list[Any] = []
    before, threading.excepthook = threading.excepthook, caught.append
    try:
        with flushing(out, tmp_path, known=Broken()) as running:
            running.take(an_entry())
            soon(lambda: running.flusher.failure is not None)
    finally:
        threading.excepthook = before
    assert isinstance(running.flusher.failure, ZeroDivisionError)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from stream_app.files.targets import Folder
    from tests.factories import A_DAY, A_MOMENT
    from tests.unit.test_sink_flusher import Running, soon
    from tests.unified import a_store, an_entry
    folder, step = Path(sys.argv[1]), sys.argv[2]
    ending, when = step.split(" ")

    class Dying(Folder):
        armed = False
        def replace(self, name, content, check=lambda: None):
            dying = self.armed and name.endswith(ending)
            if dying and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if dying and when == "within":
                def cut():
                    for piece in content:
                        yield piece[:10]
                        os.kill(os.getpid(), signal.SIGKILL)
                super().replace(name, cut(), check)
            super().replace(name, content, check)
            if dying:
                os.kill(os.getpid(), signal.SIGKILL)

    running = Running(Dying(folder / "out"), a_store(folder / "state"))
    running.take(an_entry())
    soon(lambda: running.written(A_DAY, an_entry()))
    soon(lambda: not running.store.dirty())
    running.target.armed = True
    running.take(an_entry(chart_entry="new"))
    soon(lambda: False)
"""


@pytest.mark.parametrize(
    "step",
    [
        ".csv within",
        ".csv after",
        ".json after",
        ".manifest.json within",
        ".manifest.json after",
    ],
)
def test_a_kill_at_any_step_of_a_write_heals(tmp_path, out, step):
    died = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path, step],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert -signal.SIGKILL == died.returncode, died.stderr.decode()
    content = out.read(file_name(A_DAY, "csv"))
    assert content in {
        render("csv", A_DAY, [an_entry()]),
        render("csv", A_DAY, [an_entry(chart_entry="new")]),
    }

    left = out.remove_leftovers()
    assert (1 if "within" in step else 0) == left
    with flushing(out, tmp_path) as running:
        soon(lambda: running.written(A_DAY, an_entry(chart_entry="new")))
        soon(lambda: not running.store.dirty())
