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
