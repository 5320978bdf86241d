"""The units are right in systemd's own eyes, and shut in what they run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).resolve().parents[2] / "deploy" / "systemd").glob("*.service"))


@pytest.fixture
def analyze():
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze on this machine")

    def run(*arguments):
        return subprocess.run(
            [tool, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
        )

    return run


def instance(unit, folder, name):
    """Put a unit where the command it starts exists."""
    text = unit.read_text("utf-8").replace("/opt/chartfeed/bin/chartfeed", "/bin/true")
    path = folder / unit.name.replace("@", f"@{name}")
    path.write_text(text)
    return path


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong(analyze, tmp_path, unit):
    done = analyze("verify", "--man=no", instance(unit, tmp_path, "1-2"))

    assert "" == done.stderr
    assert 0 == done.returncode


def test_systemd_finds_nothing_wrong_with_the_timer(analyze, tmp_path):
    for unit in UNITS[0].parent.glob("chartfeed-day-close.*"):
        instance(unit, tmp_path, "")
    done = analyze("verify", "--man=no", tmp_path / "chartfeed-day-close.timer")

    assert ("", 0) == (done.stderr, done.returncode)


def test_a_day_is_closed_at_two_in_the_morning(analyze):
    text = (UNITS[0].parent / "chartfeed-day-close.timer").read_text("utf-8")
    (when,) = re.findall(r"^OnCalendar=(.*)$", text, re.MULTILINE)
    done = analyze("calendar", when)

    assert 0 == done.returncode, done.stderr
    assert re.search(r"02:00:00 CES?T|0[01]:00:00 UTC", done.stdout)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_little_is_exposed(analyze, tmp_path, unit):
    done = analyze("security", "--offline=yes", "--threshold=15", instance(unit, tmp_path, "1-2"))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze can't look at a unit that is not installed")

    assert 0 == done.returncode, done.stdout[-300:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_password_is_in_a_unit(unit):
    text = unit.read_text("utf-8")

    assert not re.search(r"^Environment=.*PASSWORD", text, re.MULTILINE)
    assert "LoadCredential=" in text
