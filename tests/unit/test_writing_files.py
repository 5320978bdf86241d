"""Files are whole or not there, and the manifest speaks last."""

import errno
import fcntl
import hashlib
import os
import resource
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.errors import BadInput
from schemas.records import UnifiedEntry
from stream_app.files import day, manifest
from stream_app.files.manifest import CenterLine, CompleteThrough
from stream_app.files.months import open_daily
from stream_app.files.rendering import render
from stream_app.files.targets import CannotWrite, Folder, ObjectStore, Target, open_target
from tests.factories import A_DAY, A_MOMENT, a_unified_entry

A_DAY_STEM = "ivoris_chart_entries_2022-01-18"
GOLDEN = Path(__file__).parent.parent / "golden" / "files"
LATER = datetime(2022, 1, 19, 1, 2, 3, tzinfo=UTC)
CENTERS = (
    CenterLine("center_01", "Zahnarztpraxis München", 2, 1, CompleteThrough(A_MOMENT, 10), None),
    CenterLine("center_02", "Praxis Söhne", 0, 0, CompleteThrough(A_MOMENT, None), "lagging"),
    CenterLine("center_03", "Praxis Süd", 0, 0, None, "down"),
)
ROWS = [a_unified_entry(), a_unified_entry(entry_id=2)]


class Recorded(Folder):
    """A folder that also remembers the order in which its files were written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.written: list[str] = []

    def replace(
        self, name: str, content: Iterable[bytes], check: Callable[[], object] = lambda: None
    ) -> None:
        super().replace(name, content, check)
        self.written.append(name)


class Sleeping(Folder):
    """A folder whose writer sleeps when all of one file is there and the rename is not."""

    def __init__(self, path: Path, extension: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(path)
        self._extension = extension
        self._meanwhile = meanwhile

    def replace(
        self, name: str, content: Iterable[bytes], check: Callable[[], object] = lambda: None
    ) -> None:
        def pieces() -> Iterator[bytes]:
            yield from content
            if name.endswith(self._extension):
                self._meanwhile()

        super().replace(name, pieces(), check)


def write(
    target: Target,
    *,
    rows: Sequence[UnifiedEntry] = ROWS,
    formats: tuple[str, ...] = ("csv", "json"),
    generation: int | None = None,
) -> manifest.Manifest:
    return day.write(
        target,
        A_DAY,
        rows,
        formats=formats,
        centers=CENTERS,
        written_at=LATER,
        generation=generation,
    )


@contextmanager
def full_disk() -> Iterator[None]:
    """End writes as a full disk does, in the middle: by a limit on the size of files."""
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.fixture(params=["folder", "memory", "file"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    place = {
        "folder": str(tmp_path / "out" / "deep"),
        "memory": f"memory://{tmp_path.name}/out",
        "file": f"file://{tmp_path}/out",
    }
    return open_target(place[request.param])


def test_the_manifest_is_the_golden_one(target: Target) -> None:
    write(target)

    content = target.read("ivoris_chart_entries_2022-01-18.manifest.json")

    assert content == (GOLDEN / "manifest.json").read_bytes()


def test_the_manifest_is_read_back_as_it_was(target: Target) -> None:
    written = write(target, generation=7)

    assert day.read_manifest(target, A_DAY) == written
    assert written.generation == 7


def test_the_manifest_tells_the_hash_of_every_file(target: Target) -> None:
    written = write(target, formats=("csv", "json", "parquet"))

    for file in written.files.values():
        content = target.read(file.name)
        assert content is not None
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.bytes == len(content)
    assert target.names() == sorted(
        [*(file.name for file in written.files.values()), f"{A_DAY_STEM}.manifest.json"]
    )


def test_the_manifest_is_written_last(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)

    write(recorded)

    assert recorded.written == [
        f"{A_DAY_STEM}.csv",
        f"{A_DAY_STEM}.json",
        f"{A_DAY_STEM}.manifest.json",
    ]


def test_a_refreshed_manifest_leaves_the_files_alone(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    written = write(recorded)

    refreshed = day.refresh(recorded, written, centers=CENTERS[:1], written_at=A_MOMENT)

    assert recorded.written[3:] == [f"{A_DAY_STEM}.manifest.json"]
    assert refreshed == replace(written, centers=CENTERS[:1], written_at=A_MOMENT)


def test_a_reader_holding_the_old_file_sees_the_whole_old_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.replace("a.csv", [b"old"])
    with (tmp_path / "a.csv").open("rb") as reader:
        folder.replace("a.csv", [b"new and longer"])

        assert reader.read() == b"old"
    assert folder.read("a.csv") == b"new and longer"


def test_others_may_read_the_files(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        Folder(tmp_path).replace("a.csv", [b"x"])
    finally:
        os.umask(mask)

    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o644


def test_what_a_dead_writer_left_is_removed_and_what_a_living_one_writes_is_not(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path)
    (tmp_path / ".a.csv.1.0.tmp").write_bytes(b"half")
    with (tmp_path / ".b.csv.2.0.tmp").open("wb") as living:
        fcntl.flock(living, fcntl.LOCK_EX)

        assert folder.names() == []
        assert folder.remove_leftovers() == 1
        assert [path.name for path in tmp_path.iterdir()] == [".b.csv.2.0.tmp"]


def test_a_place_that_is_not_there_has_no_files(target: Target) -> None:
    assert target.names() == []
    assert target.read("a.csv") is None
    assert target.remove_leftovers() == 0
    assert day.read_manifest(target, A_DAY) is None


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")

    with pytest.raises(CannotWrite, match="is a file"):
        Folder(tmp_path / "out").replace("a.csv", [b"x"])


def test_a_write_that_fails_half_way_leaves_the_old_file_and_no_trace(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.replace("a.csv", [b"old"])
    with full_disk(), pytest.raises(CannotWrite) as caught:
        folder.replace("a.csv", [b"x" * 1000])

    assert caught.value.fields["errno"] == errno.EFBIG
    assert folder.read("a.csv") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_day_of_a_running_stream_is_not_for_others_to_write(target: Target) -> None:
    write(target, generation=3)

    with pytest.raises(BadInput) as caught:
        write(target)
    assert caught.value.message == f"the files of {A_DAY} in {target} belong to a running stream"
    assert day.read_manifest(target, A_DAY) == write(target, generation=3)


@pytest.mark.parametrize("by_month", [False, True])
@pytest.mark.parametrize("place", ["files/daily", "/srv/files", "memory://bucket/daily"])
def test_a_target_is_called_by_the_place_that_was_named(place: str, by_month: bool) -> None:  # noqa: FBT001 - parametrized
    assert place == str(open_daily(place, by_month=by_month))


def test_a_worker_of_the_past_must_not_write(target: Target) -> None:
    written = write(target, generation=4)

    with pytest.raises(day.NewerOwner):
        write(target, rows=[], generation=3)
    with pytest.raises(day.NewerOwner):
        day.refresh(target, replace(written, generation=3), centers=(), written_at=LATER)
    assert day.read_manifest(target, A_DAY) == written


@pytest.mark.parametrize("extension", [".csv", ".json", ".manifest.json"])
def test_an_owner_that_slept_before_a_rename_leaves_what_a_newer_one_wrote(
    tmp_path: Path, extension: str
) -> None:
    newer = Folder(tmp_path)
    write(newer, rows=ROWS[:1], generation=4)
    sleeping = Sleeping(tmp_path, extension, lambda: write(newer, generation=6))

    with pytest.raises(day.NewerOwner):
        write(sleeping, rows=ROWS[:1], generation=5)

    manifest_now = day.read_manifest(newer, A_DAY)
    assert manifest_now is not None
    assert 6 == manifest_now.generation
    for extension_now, file in manifest_now.files.items():
        assert newer.read(file.name) == render(extension_now, A_DAY, ROWS)


def test_an_owner_that_slept_before_a_refresh_leaves_the_newer_manifest(tmp_path: Path) -> None:
    newer = Folder(tmp_path)
    old = write(newer, rows=ROWS[:1], generation=5)
    sleeping = Sleeping(tmp_path, ".manifest.json", lambda: write(newer, generation=6))

    with pytest.raises(day.NewerOwner):
        day.refresh(sleeping, old, centers=(), written_at=LATER)

    assert day.read_manifest(newer, A_DAY) == write(newer, generation=6)


def test_a_new_owner_takes_the_manifest_before_it_puts_a_file_in_place(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    old = write(recorded, generation=5)
    write(recorded, generation=5)
    assert 6 == len(recorded.written), "its own need not be taken"
    seen: list[manifest.Manifest | None] = []
    sleeping = Sleeping(tmp_path, ".csv", lambda: seen.append(day.read_manifest(recorded, A_DAY)))

    write(sleeping, rows=[], generation=6)

    assert seen == [replace(old, generation=6)], "it says the same of the files, which are the same"


def test_a_file_put_in_place_of_another_is_seen_though_it_is_as_long(target: Target) -> None:
    target.replace("a.csv", [b"GKV"])
    before = target.listing()
    assert before == target.listing()

    target.replace("a.csv", [b"PKV"])

    assert target.listing() != before
    assert [3] == [seen.bytes for seen in target.listing().values()]


def test_a_full_temporary_folder_is_named_and_not_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = open_target(f"memory://{tmp_path.name}/out")
    target.replace("a.csv", [b"old"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with full_disk(), pytest.raises(CannotWrite) as caught:
        target.replace("a.csv", [b"x" * 1000])
    assert f"temporary folder {tmp_path}" in caught.value.message
    assert errno.EFBIG == caught.value.fields["errno"]

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(CannotWrite, match="temporary folder"):
        target.replace("a.csv", [b"new"])
    assert target.read("a.csv") == b"old"


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b"\xff", b'{"format": 1}', b'{"format": 1, "target_date": 5}'],
)
def test_a_damaged_manifest_is_named_and_healed_by_writing(tmp_path: Path, content: bytes) -> None:
    folder = Folder(tmp_path)
    folder.replace(f"{A_DAY_STEM}.manifest.json", [content])

    with pytest.raises(manifest.Damaged, match=r"2022-01-18\.manifest\.json is damaged"):
        day.read_manifest(folder, A_DAY)
    written = write(folder)
    assert day.read_manifest(folder, A_DAY) == written


def test_a_manifest_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.replace(f"{A_DAY_STEM}.manifest.json", [b'{"format": 2}'])

    with pytest.raises(BadInput, match="this version reads format 1"):
        write(folder)


def test_a_url_that_nothing_here_reaches_is_refused() -> None:
    with pytest.raises(BadInput, match="can't be used"):
        ObjectStore("nowhere://bucket")
