"""A worker's folder, and what names the state in it: the folder's own, and the machine's boot."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from stream_app.states import put_aside
from stream_app.worker.errors import StateLocked
from stream_app.worker.folder import ASIDE_KEPT, BOOT, locked


@pytest.fixture
def booted(tmp_path):
    """Give what makes the machine have booted anew."""
    path = tmp_path / "boot_id"

    def boot():
        path.write_text(f"{uuid.uuid4()}\n")
        return path

    return boot


def identity(folder, boot):
    with locked(folder, boot) as held:
        return held.identity


def test_a_restart_finds_the_state_by_the_same_name(tmp_path, booted):
    boot = booted()

    assert identity(tmp_path / "one", boot) == identity(tmp_path / "one", boot)


def test_another_folder_has_another_name(tmp_path, booted):
    boot = booted()

    assert identity(tmp_path / "one", boot) != identity(tmp_path / "two", boot)


def test_after_another_boot_the_state_is_none_that_published_last(tmp_path, booted):
    before = identity(tmp_path / "one", booted())

    assert before != identity(tmp_path / "one", booted())


def test_where_no_boot_is_to_be_seen_the_name_is_the_folders_own(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "identity").write_text("made before boots counted")

    assert "made before boots counted" == identity(tmp_path / "one", tmp_path / "nothing")


def test_a_name_from_before_boots_counted_is_another_one_once(tmp_path, booted):
    old = identity(tmp_path / "one", tmp_path / "nothing")
    boot = booted()

    assert old != identity(tmp_path / "one", boot)
    assert identity(tmp_path / "one", boot) == identity(tmp_path / "one", boot)


def test_a_name_that_a_power_cut_left_empty_is_made_anew(tmp_path):
    nowhere = tmp_path / "nothing"
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "identity").touch()

    assert "" != identity(tmp_path / "one", nowhere) == identity(tmp_path / "one", nowhere)


@pytest.mark.skipif(not BOOT.exists(), reason="this system does not tell its boots apart")
def test_this_machine_tells_its_boot(tmp_path):
    with locked(tmp_path / "one") as held:
        assert held.identity.endswith(f"/{BOOT.read_text().strip()}")


def test_a_folder_is_one_process_s(tmp_path):
    with locked(tmp_path / "one"), pytest.raises(StateLocked), locked(tmp_path / "one"):
        pass


def test_a_state_that_was_put_aside_goes_when_nobody_has_looked_for_a_week(tmp_path, booted):
    folder = tmp_path / "one"
    folder.mkdir()
    for name in ("join-0.sqlite", "join-0.sqlite-wal", "days-1.sqlite"):
        (folder / name).touch()
    put_aside(folder / "join-0.sqlite")
    (folder / "days-2.sqlite.damaged").touch()
    aside = {"join-0.sqlite.aside", "join-0.sqlite.aside-wal", "days-2.sqlite.damaged"}

    def there():
        return {path.name for path in folder.glob("*.sqlite*")}

    with locked(folder, booted()):
        assert aside | {"days-1.sqlite"} == there()
    later = datetime.now(UTC) + ASIDE_KEPT + timedelta(minutes=1)
    with locked(folder, booted(), now=later):
        assert {"days-1.sqlite"} == there()
