"""Approvals: what is written, what is refused, what the audit log keeps."""

import fcntl
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from producers import approval, audit, mapping_file
from producers.errors import MappingDamaged, Unapproved
from producers.mapping import Mapping
from producers.validation import Finding, Level, Report
from schemas.errors import BadInput
from tests.factories import a_mapping

AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / audit.NAME).read_text().splitlines()]


def approve(folder: Path, mapping: Mapping, *findings: Finding, reviewer: str = "Ada") -> Mapping:
    report = Report(mapping, findings)
    return approval.approve(folder, report, None, reviewer=reviewer, at=AT)


def test_an_approval_is_on_disk_and_holds(tmp_path: Path) -> None:
    approve(tmp_path, a_mapping())
    read = mapping_file.load(tmp_path / "center_07.yml")
    read.require_approval()
    assert (read.reviewed_by, read.reviewed_at) == ("Ada", AT)


def test_an_error_blocks_whatever_the_confidence(tmp_path: Path) -> None:
    error = Finding(Level.ERROR, "KARTEI.PATNR", "0 % of 100 newest values found in PATIENT")
    with pytest.raises(Unapproved, match=r"KARTEI\.PATNR"):
        approve(tmp_path, a_mapping(), error)
    assert list(tmp_path.iterdir()) == []


def test_a_warning_does_not_block(tmp_path: Path) -> None:
    approve(tmp_path, a_mapping(), Finding(Level.WARNING, "KASSEN.ART", "X"))


@pytest.mark.parametrize("reviewer", ["", "  "])
def test_a_reviewer_has_a_name(tmp_path: Path, reviewer: str) -> None:
    with pytest.raises(BadInput, match="reviewer has a name"):
        approve(tmp_path, a_mapping(), reviewer=reviewer)


def test_a_revoked_mapping_is_an_open_proposal_again(tmp_path: Path) -> None:
    approved = approve(tmp_path, a_mapping())
    approval.revoke(tmp_path, approved, reviewer="Bo", reason="wrong table", at=AT)
    read = mapping_file.load(tmp_path / "center_07.yml")
    with pytest.raises(Unapproved):
        read.require_approval()
    assert log(tmp_path)[-1]["act"] == "revocation"
    assert log(tmp_path)[-1]["reason"] == "wrong table"


def test_a_file_put_back_after_its_revocation_is_not_approved(tmp_path: Path) -> None:
    approved = approve(tmp_path, a_mapping())
    approval.require_logged(tmp_path, approved)
    before = (tmp_path / "center_07.yml").read_bytes()
    approval.revoke(tmp_path, approved, reviewer="Bo", reason="wrong table", at=AT)
    (tmp_path / "center_07.yml").write_bytes(before)
    with pytest.raises(Unapproved, match=r"revoked by Bo .*: wrong table") as caught:
        approval.require_logged(tmp_path, mapping_file.load(tmp_path / "center_07.yml"))
    assert caught.value.hint == "chartfeed review center_07"


def test_a_seal_that_the_log_does_not_know_is_no_approval(tmp_path: Path) -> None:
    forged = a_mapping().approved_as("Nobody", AT)
    with pytest.raises(Unapproved, match="has no approval of it"):
        approval.require_logged(tmp_path, forged)
    approve(tmp_path, a_mapping())
    with pytest.raises(Unapproved, match=r"not what was approved last .* by Ada"):
        approval.require_logged(tmp_path, forged)


def test_another_center_s_approval_counts_for_nothing(tmp_path: Path) -> None:
    approve(tmp_path, a_mapping())
    with pytest.raises(Unapproved, match="has no approval"):
        approval.require_logged(tmp_path, a_mapping(center="center_08").approved_as("Ada", AT))


def test_a_line_of_the_log_that_is_damaged_approves_nothing(tmp_path: Path) -> None:
    approved = approve(tmp_path, a_mapping())
    path = tmp_path / audit.NAME
    path.write_text(path.read_text() + '{"act": "revoc\n')
    with pytest.raises(MappingDamaged, match=r"audit\.jsonl:2: ") as caught:
        approval.require_logged(tmp_path, approved)
    assert "line 2" in str(caught.value.hint)


def test_a_log_that_can_t_be_read_approves_nothing(tmp_path: Path) -> None:
    approved = approve(tmp_path, a_mapping())
    (tmp_path / audit.NAME).unlink()
    (tmp_path / audit.NAME).mkdir()
    with pytest.raises(MappingDamaged, match="can't be read"):
        approval.require_logged(tmp_path, approved)


def test_the_log_is_read_again_only_when_it_was_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = approve(tmp_path, a_mapping())
    approval.require_logged(tmp_path, first)
    with monkeypatch.context() as patched:
        patched.delattr(audit, "_read")
        approval.require_logged(tmp_path, first)
    second = approve(tmp_path, a_mapping(), reviewer="Bo")
    approval.require_logged(tmp_path, second)
    with pytest.raises(Unapproved, match="by Bo"):
        approval.require_logged(tmp_path, first)


def test_a_revocation_needs_a_reason(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs a reason"):
        approval.revoke(tmp_path, a_mapping(), reviewer="Bo", reason=" ", at=AT)


def test_the_log_says_who_when_and_what_changed_and_only_grows(tmp_path: Path) -> None:
    approval.propose(tmp_path, a_mapping().unapproved(), by="robot", at=AT)
    first = (tmp_path / audit.NAME).read_bytes()
    before = mapping_file.load(tmp_path / "center_07.yml")
    changed = a_mapping(names={"KARTEI.DATUM": "TAG"}, live={"KARTEI": ("J",)})
    later = AT + timedelta(hours=1)
    approval.approve(tmp_path, Report(changed, ()), before, reviewer="Ada", at=later)
    assert (tmp_path / audit.NAME).read_bytes().startswith(first)
    line = log(tmp_path)[-1]
    assert (line["act"], line["who"], line["at"]) == ("approval", "Ada", "2026-01-31T09:00:00Z")
    assert line["changes"] == [
        ["KARTEI.DATUM", "DATUM_7M", "TAG"],
        ["KARTEI.DELKZ.live", None, ["J"]],
    ]


def test_what_was_edited_by_hand_is_in_the_log(tmp_path: Path) -> None:
    approval.propose(tmp_path, a_mapping().unapproved(), by="robot", at=AT)
    edited = a_mapping(names={"KARTEI.DATUM": "TAG"})
    approval.approve(tmp_path, Report(edited, ()), edited, reviewer="Ada", at=AT)
    assert log(tmp_path)[-1]["changes"] == [["KARTEI.DATUM", "DATUM_7M", "TAG"]]


def test_changes_are_told_against_what_was_approved_last(tmp_path: Path) -> None:
    approve(tmp_path, a_mapping())
    other = a_mapping(names={"KARTEI.DATUM": "TAG"})
    approval.propose(tmp_path, other.unapproved(), by="robot", at=AT)
    approval.approve(tmp_path, Report(other, ()), other, reviewer="Bo", at=AT)
    assert log(tmp_path)[-1]["changes"] == [["KARTEI.DATUM", "DATUM_7M", "TAG"]]


def test_the_same_proposal_again_adds_no_line(tmp_path: Path) -> None:
    approval.propose(tmp_path, a_mapping().unapproved(), by="robot", at=AT)
    approval.propose(tmp_path, a_mapping().unapproved(), by="robot", at=AT)
    assert len(log(tmp_path)) == 1


def test_a_proposal_in_the_place_of_an_approval_revokes_it(tmp_path: Path) -> None:
    approve(tmp_path, a_mapping())
    approval.propose(tmp_path, a_mapping().unapproved(), by="robot", at=AT)
    acts = [(line["act"], line["who"]) for line in log(tmp_path)]
    assert acts[:2] == [("approval", "Ada"), ("revocation", "robot")]


def test_the_fingerprint_is_about_what_is_read_not_about_who_said_so() -> None:
    first = a_mapping().approved_as("Ada", AT)
    second = a_mapping().approved_as("Bo", AT + timedelta(days=1))
    assert first.fingerprint == second.fingerprint
    assert first.seal != second.seal
    other = a_mapping(types={("KARTEI", "DATUM"): "varchar(8)"}).approved_as("Ada", AT)
    assert other.fingerprint != first.fingerprint


def test_a_line_that_has_no_room_is_not_in_the_log_by_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved = approve(tmp_path, a_mapping())
    whole = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:10]))
    with pytest.raises(OSError, match="No space left"):
        audit.append(tmp_path, "proposal", "robot", AT, a_mapping(), ())
    approval.require_logged(tmp_path, approved)


def test_a_line_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    mapping = a_mapping().approved_as("Ada", AT)
    audit.append(tmp_path, "approval", "Ada", AT, mapping, ())
    path = tmp_path / audit.NAME
    whole = path.read_bytes()

    with path.open("ab") as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(whole[:100])
        file.flush()
        reading = pool.submit(approval.require_logged, tmp_path, mapping)
        with pytest.raises(TimeoutError):
            reading.result(timeout=0.2)
        file.write(whole[100:])
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)

        reading.result(timeout=10)
