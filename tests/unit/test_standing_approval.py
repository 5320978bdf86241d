"""A mapping's approval is followed in its files, and the producers of a machine are found."""

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from typing import Any

import pytest

from chartfeed import running, settings
from chartfeed.standing import Approved
from producers import approval, audit, mapping_file
from producers.errors import Unapproved
from schemas.errors import Outside
from tests.factories import A_MOMENT, a_mapping


@pytest.fixture
def place(tmp_path: Any) -> Any:
    (tmp_path / "centers.yml").write_text(
        "centers: [{id: center_07, name: P, server: s, database: DentalDB_07}]\n"
    )
    (tmp_path / "chartfeed.yml").write_text("mappings: mappings/\n")
    (tmp_path / "mappings").mkdir()
    found = settings.load(tmp_path / "chartfeed.yml", {})
    return found, found.center("center_07")


def test_nothing_is_read_again_while_the_files_are_the_same(place: Any) -> None:
    known, center = place
    approved = Approved(known, center)
    with pytest.raises(Exception, match="center_07"):
        approved()

    mapping = a_mapping().approved_as("anna", A_MOMENT)
    audit.append(known.mappings, "approval", "anna", A_MOMENT, mapping, ())
    mapping_file.save(mapping, known.mappings)

    assert approved() is approved()

    approval.revoke(known.mappings, approved(), reviewer="anna", reason="no", at=A_MOMENT)
    with pytest.raises(Unapproved):
        approved()


def test_an_approval_of_another_center_changes_nothing(place: Any) -> None:
    known, center = place
    mapping = a_mapping().approved_as("anna", A_MOMENT)
    audit.append(known.mappings, "approval", "anna", A_MOMENT, mapping, ())
    mapping_file.save(mapping, known.mappings)
    approved = Approved(known, center)
    before = approved()

    other = replace(mapping, center="center_08")
    audit.append(known.mappings, "approval", "anna", A_MOMENT, other, ())

    assert before is approved()


def test_producers_are_found_while_they_run(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    config = tmp_path / "chartfeed.yml"
    waiting = (
        "import sys, tempfile; from pathlib import Path; from chartfeed import running;"
        "tempfile.tempdir = sys.argv[1]\n"
        "with running.registered(Path(sys.argv[2])): print('there', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", waiting, tmp_path, config],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert b"there\n" == process.stdout.readline()

    assert [process.pid] == running.pids(config)
    assert [] == running.pids(tmp_path / "other.yml")

    process.kill()
    process.communicate()
    assert [] == running.pids(config)
    with running.registered(config):
        assert [os.getpid()] == running.pids(config)
    assert [] == running.pids(config)


def test_a_folder_that_others_can_write_to_is_not_trusted(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"chartfeed-{os.getuid()}").mkdir()
    (tmp_path / f"chartfeed-{os.getuid()}").chmod(0o777)

    with pytest.raises(Outside, match="not ours alone"), running.registered(tmp_path / "c.yml"):
        pass
