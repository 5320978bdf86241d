"""Mapping files: one form for ever, and errors that say line and next step."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from producers import mapping_file, mapping_format
from producers.errors import MappingDamaged, Unapproved
from producers.mapping import Mapping
from tests.factories import a_mapping
from tests.unit.discovery.schemas import TRAPS, trap

GOLDEN = Path(__file__).parents[1] / "golden" / "mappings"
AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def rival_columns() -> Mapping:
    return trap(TRAPS / "rival_columns.yml").center.propose()


def test_a_proposal_has_the_golden_form() -> None:
    expected = (GOLDEN / "proposed.yml").read_text(encoding="utf-8")
    assert mapping_file.render(rival_columns()) == expected


def test_an_approval_has_the_golden_form() -> None:
    approved = a_mapping(live={"KARTEI": ("J", None)}).approved_as("Dr. Grün", AT)
    expected = (GOLDEN / "approved.yml").read_text(encoding="utf-8")
    assert mapping_file.render(approved) == expected


def test_the_golden_approval_still_holds() -> None:
    mapping_file.load(GOLDEN / "approved.yml").require_approval()


@pytest.mark.parametrize("name", ["proposed.yml", "approved.yml"])
def test_a_file_reads_back_as_it_was(name: str) -> None:
    text = (GOLDEN / name).read_text(encoding="utf-8")
    assert mapping_file.render(mapping_file.parse(text, name=name)) == text


def test_the_json_schema_beside_the_module_is_current() -> None:
    path = Path(mapping_file.__file__).with_name("mapping.schema.json")
    assert path.read_text(encoding="utf-8") == mapping_format.json_schema()


def test_names_of_any_kind_come_back(tmp_path: Path) -> None:
    odd = {"KARTEI": "]; DROP TABLE x; --", "KARTEI.DATUM": "Dät 🦷 'um'", "LEISTUNG": "NO"}
    mapping = a_mapping(names=odd).approved_as("Ä: #1", AT)
    path = mapping_file.save(mapping, tmp_path)
    assert mapping_file.load(path) == mapping


def damaged(old: str, new: str) -> str:
    text = (GOLDEN / "proposed.yml").read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (damaged("format: 1", "format: 2"), 3, "newer than this chartfeed"),
        (damaged("BEMERKUNG:", "BEMERKUNGEN:"), 209, "did you mean 'BEMERKUNG'?"),
        (damaged("confidence: 0.95", "confidence: 2"), 24, "less than or equal to 1"),
        (damaged("name: PATIENT_8Z", "name: NO"), 21, "put it in quotes"),
        (damaged("reviewed: false", "reviewed: perhaps"), 8, "reviewed"),
        (damaged("reviewed: false", 'reviewed: "yes"'), 8, "valid boolean"),
        (damaged("format: 1", "format: true"), 3, "True is no number"),
        (damaged("tables:\n", "tables: [\n"), 0, "not valid YAML"),
        (damaged("database: DentalDB_07\n", ""), 1, "database is missing"),
        (damaged("schema: ck\n", "schema: ck\nschema: dbo\n"), 7, "given twice"),
        ("", 1, "is missing"),
        ("[1, 2]", 1, ""),
    ],
)
def test_a_damaged_file_says_where_and_what_next(text: str, line: int, says: str) -> None:
    with pytest.raises(MappingDamaged) as caught:
        mapping_file.parse(text, name="c.yml")
    assert says in caught.value.message
    assert f"c.yml:{line}:" in caught.value.message or not line
    assert str(caught.value.hint).endswith("make it anew: chartfeed discover c --again")
    assert caught.value.exit_code == 2


def test_another_center_s_file_is_refused(tmp_path: Path) -> None:
    path = mapping_file.save(a_mapping(center="center_07"), tmp_path)
    with pytest.raises(MappingDamaged, match="'center_07'"):
        mapping_file.load(path, center="center_08")


def test_a_missing_file_names_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(MappingDamaged) as caught:
        mapping_file.load(tmp_path / "center_09.yml")
    assert caught.value.hint == "chartfeed discover center_09"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: KARTEI_8Y", "name: KARTEI_9Z"),
        ("name: BEMERKUNG_7M", "name: NOTIZ"),
        ("type: int", "type: bigint"),
        ("- J\n", "- N\n"),
        ("reviewed_by: Dr. Grün", "reviewed_by: Dr. Blau"),
        ("patient: integer", "patient: text"),
        ("schema: ck", "schema: dbo"),
        ("confidence: 1.0", "confidence: 0.5"),
    ],
)
def test_an_edit_by_hand_takes_the_approval_away(old: str, new: str) -> None:
    text = (GOLDEN / "approved.yml").read_text(encoding="utf-8")
    assert old in text
    edited = mapping_file.parse(text.replace(old, new, 1), name="c.yml")
    with pytest.raises(Unapproved, match="edited by hand") as caught:
        edited.require_approval()
    assert caught.value.hint == "chartfeed review center_07"


def test_saying_reviewed_by_hand_is_no_approval() -> None:
    text = (GOLDEN / "proposed.yml").read_text(encoding="utf-8")
    edited = mapping_file.parse(text.replace("reviewed: false", "reviewed: true"), name="c.yml")
    with pytest.raises(Unapproved, match="nobody approved"):
        edited.require_approval()


def test_a_file_s_layout_and_comments_may_change() -> None:
    text = (GOLDEN / "approved.yml").read_text(encoding="utf-8")
    as_json = json.dumps(mapping_format.as_data(mapping_file.parse(text, name="c.yml")))
    mapping_file.parse(f"# by hand\n{as_json}\n", name="c.yml").require_approval()
