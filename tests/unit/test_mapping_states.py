"""What approving and revoking leave behind in files, and what is said of it; no database."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chartfeed import approvals, learning, mappings
from chartfeed import settings as configuration
from chartfeed.settings import Settings
from producers import audit, files, mapping_file
from producers.discovery import valuebank
from producers.errors import MappingDamaged
from producers.mapping import Mapping
from producers.validation import Report
from tests.factories import a_mapping

AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give the configuration of one center, center_07, whose server nobody answers for."""
    (tmp_path / "chartfeed.yml").write_text("mappings: mappings/\noutput: {path: out/}\n")
    (tmp_path / "centers.yml").write_text(
        "centers:\n"
        '  - {id: center_07, name: Praxis, server: "127.0.0.1,1", database: DentalDB_07}\n'
    )
    (tmp_path / "mappings").mkdir()
    return configuration.load(tmp_path / "chartfeed.yml", {})


def seal(settings: Settings, mapping: Mapping) -> Mapping:
    return approvals.seal(settings, Report(mapping, ()), mapping, reviewer="Ada", at=AT)


def revoke(settings: Settings) -> None:
    center = settings.center("center_07")
    present = mappings.load(settings, center)
    approvals.revoke(settings, center, present, reviewer="Bo", reason="doubt", at=AT)


def test_a_damaged_bank_stops_the_approval_before_it_is_one(settings: Settings) -> None:
    (settings.mappings / valuebank.NAME).write_text("names: [\n")
    with pytest.raises(MappingDamaged, match="value-bank"):
        seal(settings, a_mapping())
    assert not (settings.mappings / audit.NAME).exists()
    assert not mapping_file.path_of(settings.mappings, "center_07").exists()


def test_a_bank_that_can_t_be_written_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, text: str) -> None:
        if path.name == valuebank.NAME:
            raise OSError(28, "No space left on device")
        path.write_text(text, encoding="utf-8")

    monkeypatch.setattr(files, "replace", full)
    seal(settings, a_mapping(names={"KARTEI": "MEDIZINEINTRAG"}))
    assert "No space left" in capsys.readouterr().err
    assert mappings.approval_problem(settings, settings.center("center_07")) is None


def test_what_was_wrong_is_unlearned_by_the_next_approval(settings: Settings) -> None:
    seal(settings, a_mapping(names={"KARTEI": "MEDIZINEINTRAG"}))
    assert "MEDIZINEINTRAG" in learning.bank(settings).learned("KARTEI", None)
    seal(settings, a_mapping(names={"KARTEI": "KRANKENBLATTZEILEN"}))
    assert learning.bank(settings).learned("KARTEI", None) == {"KRANKENBLATTZEILEN"}


def test_a_revocation_unlearns_and_leaves_what_others_taught(settings: Settings) -> None:
    bank = settings.mappings / valuebank.NAME
    bank.write_text("format: 1\nnames: {KARTEI: {MEDIZINEINTRAG: [center_02], BYHAND: []}}\n")
    named = {"KARTEI": "MEDIZINEINTRAG", "KARTEI.BEMERKUNG": "FREITEXTFELD"}
    seal(settings, a_mapping(names=named))
    revoke(settings)
    assert learning.bank(settings).names == {
        "KARTEI": {"MEDIZINEINTRAG": ("center_02",), "BYHAND": ()}
    }


def test_a_damaged_bank_does_not_stop_a_revocation(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    seal(settings, a_mapping())
    (settings.mappings / valuebank.NAME).write_text("names: [\n")
    revoke(settings)
    assert "not forgotten" in capsys.readouterr().err
    assert mappings.approval_problem(settings, settings.center("center_07")) is not None


def test_a_status_says_what_an_extract_would_say(settings: Settings) -> None:
    other = seal(settings, a_mapping())
    text = settings.centers_path.read_text().replace("DentalDB_07", "DentalDB_08")
    settings.centers_path.write_text(text)
    moved = configuration.load(settings.path, {})

    state = mappings.state(moved, moved.center("center_07"))

    assert other.database == "DentalDB_07"
    assert state.word == "unreviewed"
    assert "approved for the database DentalDB_07" in str(state.detail)
