"""Two people at one center: the second finds out, and nothing of the first is lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chartfeed import approvals, mappings
from chartfeed import settings as configuration
from chartfeed.approvals import Changed
from chartfeed.settings import Settings
from producers import audit, mapping_file
from producers.validation import Report
from tests.factories import a_mapping

AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "chartfeed.yml").write_text("mappings: mappings/\noutput: {path: out/}\n")
    (tmp_path / "centers.yml").write_text(
        "centers:\n"
        '  - {id: center_07, name: Praxis, server: "127.0.0.1,1", database: DentalDB_07}\n'
    )
    settings = configuration.load(tmp_path / "chartfeed.yml", {})
    mapping_file.save(a_mapping(), settings.mappings)
    return settings


def seal(settings: Settings, reviewer: str, seen: str) -> None:
    center = settings.center("center_07")
    before = mappings.load(settings, center)
    approvals.seal(settings, Report(before, ()), before, reviewer=reviewer, at=AT, seen=seen)


def test_the_second_of_two_approvals_is_refused_and_told_who_was_first(settings: Settings) -> None:
    seen = approvals.version(settings, settings.center("center_07"))
    seal(settings, "Ada", seen)

    with pytest.raises(Changed, match="the approval by Ada"):
        seal(settings, "Bo", seen)

    assert mapping_file.load(settings.mappings / "center_07.yml").reviewed_by == "Ada"
    assert len((settings.mappings / audit.NAME).read_text().splitlines()) == 1


def test_an_edit_meanwhile_is_noticed(settings: Settings) -> None:
    seen = approvals.version(settings, settings.center("center_07"))
    with (settings.mappings / "center_07.yml").open("a") as file:
        file.write("# a remark\n")

    with pytest.raises(Changed, match="changed meanwhile"):
        seal(settings, "Bo", seen)


def test_a_revocation_of_what_was_approved_anew_is_refused(settings: Settings) -> None:
    center = settings.center("center_07")
    seal(settings, "Ada", approvals.version(settings, center))
    seen = approvals.version(settings, center)
    present = mappings.load(settings, center)
    later = AT + timedelta(minutes=1)
    approvals.seal(settings, Report(present, ()), present, reviewer="Bo", at=later, seen=seen)

    with pytest.raises(Changed):
        approvals.revoke(
            settings, center, present, reviewer="Cy", reason="doubt", at=later, seen=seen
        )

    assert mappings.approval_problem(settings, center) is None


def test_an_approval_of_another_center_changes_no_version(settings: Settings) -> None:
    center = settings.center("center_07")
    before = approvals.version(settings, center)
    audit.append(settings.mappings, "approval", "Ada", AT, a_mapping(center="center_08"), ())

    assert approvals.version(settings, center) == before
