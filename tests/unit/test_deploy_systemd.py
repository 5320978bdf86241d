"""The units are right in systemd's own eyes, and shut in what they run."""

import re
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from schemas.errors import BadInput, Failed, Outside, RetryLater, StopCenter

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
STAYING = [unit for unit in UNITS if "\nRestart=" in unit.read_text("utf-8")]


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
    for unit in FOLDER.glob("chartfeed-day-close.*"):
        instance(unit, tmp_path, "")
    done = analyze("verify", "--man=no", tmp_path / "chartfeed-day-close.timer")

    assert ("", 0) == (done.stderr, done.returncode)


@pytest.mark.parametrize("last", ["2026-03-27", "2026-10-23"])
def test_a_day_is_closed_each_night_also_when_the_clocks_are_changed(analyze, last):
    text = (FOLDER / "chartfeed-day-close.timer").read_text("utf-8")
    (when,) = re.findall(r"^OnCalendar=(.*)$", text, re.MULTILINE)
    done = analyze("calendar", "--iterations=4", f"--base-time={last} 12:00:00 UTC", when)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze looks at no other time than now")

    assert 0 == done.returncode, done.stderr
    found = re.findall(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d):00 UTC", done.stdout)
    days = [date.fromisoformat(day) for day, _ in found]
    assert [date.fromisoformat(last) + timedelta(days=1 + n) for n in range(4)] == days
    assert {"01:15", "02:15"} == {time for _, time in found}


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


def said(unit, key):
    return re.findall(rf"^{key}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def credentials_of(words):
    """Give what is shown under which name, of lines as NAME:PATH."""
    return dict(word.split(":", 1) for word in words)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_logs_in_as_its_component_with_the_passwords_of_that(unit):
    (config,) = [
        word for line in said(unit, "Environment") for word in line.split() if "CONFIG=" in word
    ]
    component = Path(config.partition("=")[2]).stem
    wanted = set(
        re.findall(r"\$CREDENTIALS_DIRECTORY/([\w-]+)", (FOLDER / f"{component}.yml").read_text())
    )
    if "day close" in said(unit, "ExecStart")[0]:
        # It shares its file with the console, which looks into the practices.
        wanted.discard("sqlserver-password")
    given = credentials_of(said(unit, "LoadCredential"))

    assert wanted == set(given)
    for name in ("kafka-password", "registry-password"):
        assert f"/etc/chartfeed/credentials/{component}-{name}" == given[name]


def test_a_worker_sees_which_boot_of_the_machine_it_runs_in():
    worker = FOLDER / "chartfeed-worker@.service"

    assert [] == said(worker, "ProcSubset")
    assert ["yes"] == said(worker, "ProtectKernelTunables")


def test_the_practices_password_is_shown_to_what_reads_them():
    shown = {
        unit.stem for unit in UNITS if "sqlserver-password" in str(said(unit, "LoadCredential"))
    }

    assert {"chartfeed-producer@", "chartfeed-console"} == shown


def test_what_a_person_must_mend_is_not_started_again_and_again():
    assert 3 == len(STAYING)
    for unit in STAYING:
        (codes,) = said(unit, "RestartPreventExitStatus")
        never = set(map(int, codes.split()))
        assert {BadInput.exit_code, StopCenter.exit_code} <= never
        assert {Outside.exit_code, RetryLater.exit_code, Failed.exit_code}.isdisjoint(never)


def test_the_console_may_lower_its_priority_and_write_approvals():
    (unit,) = [unit for unit in UNITS if "console" in unit.name]
    filters = said(unit, "SystemCallFilter")

    # nice() is setpriority, which @resources takes away; what is named later counts.
    assert filters.index("setpriority") > filters.index("~@privileged @resources")
    assert ["-/etc/chartfeed/mappings"] == said(unit, "ReadWritePaths")
    folder = yaml.safe_load((FOLDER / "operator.yml").read_text("utf-8"))["console"]["folder"]
    assert [folder.removeprefix("/var/lib/").rstrip("/")] == said(unit, "StateDirectory")


@pytest.mark.parametrize(
    ("whose", "more"), [("admin", set()), ("operator", {"sqlserver-password"})]
)
def test_people_run_commands_with_the_passwords_of_whom_they_act_as(tmp_path, whose, more):
    stand_in = tmp_path / "systemd-run"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    stand_in.chmod(0o755)
    done = subprocess.run(
        [FOLDER / "chartfeed-as", whose, "topics", "create"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    words = done.stdout.splitlines()
    given = credentials_of(
        re.findall(r"^--property=LoadCredential=(.*)$", done.stdout, re.MULTILINE)
    )

    assert 7 == done.returncode
    assert f"--setenv=CHARTFEED_CONFIG=/etc/chartfeed/{whose}.yml" in words
    assert ["/opt/chartfeed/bin/chartfeed", "topics", "create"] == words[-3:]
    assert {"kafka-password", "registry-password"} | more == set(given)
    assert f"/etc/chartfeed/credentials/{whose}-kafka-password" == given["kafka-password"]


def test_nobody_acts_as_a_process():
    done = subprocess.run(
        [FOLDER / "chartfeed-as", "producer", "produce"],
        capture_output=True,
        timeout=20,
        check=False,
    )

    assert 2 == done.returncode


def test_what_the_walk_installs_is_all_that_the_units_want():
    page = (FOLDER.parents[1] / "docs/deployment.md").read_text("utf-8")
    walk = page.split("## On one server: systemd")[1].split("\n## ")[0]
    typed = "\n".join(re.findall(r"^```\n(.*?)^```", walk, re.DOTALL | re.MULTILINE))

    assert typed.index("uv build --wheel") < typed.index(".whl")
    for path in ("deploy/systemd/*.yml", "deploy/systemd/chartfeed-as", "/etc/chartfeed/mappings"):
        assert path in typed
    assert (FOLDER / "centers.yml").exists()
    for user in ("producer", "stream", "admin", "operator"):
        assert f"{user}-kafka-password" in walk
        assert f"{user}-registry-password" in walk
    for unit in UNITS:
        assert unit.name.partition("@")[0].removesuffix(".service") in typed
    assert typed.index("topics create") < typed.index("systemctl enable --now")
    assert typed.index("chartfeed-as operator review") < typed.index("systemctl enable --now")
