"""What approved centers teach the next one: hints, never proofs."""

from pathlib import Path

import pytest

from producers.discovery import valuebank
from producers.discovery.valuebank import ValueBank
from producers.errors import MappingDamaged
from tests.factories import a_mapping
from tests.unit.discovery.in_memory import confidences, names
from tests.unit.discovery.schemas import center, five


def test_only_names_that_no_rule_knows_are_learned() -> None:
    mapping = a_mapping(names={"KARTEI.BEMERKUNG": "VERLAUFSTEXT_X9", "KARTEI.DATUM": "C17"})
    bank = valuebank.learn(ValueBank(), mapping)
    assert bank.names == {"KARTEI.BEMERKUNG": {"VERLAUFSTEXT": ("center_07",)}}


def test_each_center_is_named_once() -> None:
    named = {"KARTEI.BEMERKUNG": "VERLAUFSTEXT"}
    bank = ValueBank()
    for one in ("center_08", "center_07", "center_08"):
        bank = valuebank.learn(bank, a_mapping(center=one, names=named))
    assert bank.names["KARTEI.BEMERKUNG"]["VERLAUFSTEXT"] == ("center_07", "center_08")


def test_the_file_reads_back(tmp_path: Path) -> None:
    bank = ValueBank({"KARTEI": {"Akte Ä": ("center_01",)}})
    path = tmp_path / valuebank.NAME
    path.write_text(valuebank.render(bank), encoding="utf-8")
    assert valuebank.load(path) == bank


def test_no_file_is_an_empty_bank(tmp_path: Path) -> None:
    assert valuebank.load(tmp_path / valuebank.NAME) == ValueBank()


@pytest.mark.parametrize("text", ["format: 1\nnames: {KARTIE: {}}\n", "format: 2\nnames: {}\n"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / valuebank.NAME
    path.write_text(text)
    with pytest.raises(MappingDamaged) as caught:
        valuebank.load(path)
    assert caught.value.hint


def test_a_learned_name_is_found_and_is_not_sure() -> None:
    renamed = {"KARTEI.BEMERKUNG": "VERLAUFSTEXT"}
    bank = ValueBank({"KARTEI.BEMERKUNG": {"VERLAUFSTEXT": ("center_02",)}})
    mapping = center(five(renamed), learned=bank.learned).propose()
    assert names(mapping)["KARTEI.BEMERKUNG"] == "VERLAUFSTEXT"
    assert confidences(mapping)["KARTEI.BEMERKUNG"] < 0.9
    assert (
        "name approved at another center" in mapping.tables["KARTEI"].columns["BEMERKUNG"].evidence
    )
