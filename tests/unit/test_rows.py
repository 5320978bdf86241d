"""One row as a record: what is live, what is refused, what is kept to the byte."""

from decimal import Decimal

import pytest

from producers.rows import Rules, liveness
from schemas.errors import SkipRecord
from schemas.ids import IdType, Role
from tests.factories import A_DAY, A_MOMENT, a_mapping

RULES = Rules.of(a_mapping())


@pytest.mark.parametrize("flag", [None, 0, False, Decimal(0), "0", " 0 ", "false", "False ", ""])
def test_zero_null_and_false_are_live(flag: object) -> None:
    assert liveness(None)(flag)


@pytest.mark.parametrize("flag", [1, True, -1, 2, Decimal(1), "1", "J", "true", "X", "00x"])
def test_anything_else_is_dead(flag: object) -> None:
    assert not liveness(None)(flag)


@pytest.mark.parametrize(
    ("live", "alive", "dead"),
    [
        (("J", "1"), ["J", "j ", "1", 1, True, Decimal("1.0")], ["N", None, "", 0, False]),
        ((None, "N"), [None, "n"], ["J", ""]),
        (("",), ["", "  "], [None, "0"]),
    ],
)
def test_a_mapping_may_say_which_values_are_live(
    live: tuple[str | None, ...], alive: list[object], dead: list[object]
) -> None:
    is_live = liveness(live)

    assert all(is_live(flag) for flag in alive)
    assert not any(is_live(flag) for flag in dead)


def test_an_entry_is_kept_to_the_byte() -> None:
    entry = RULES.chart_entry((1, " 17 ", "20220118", " Füllung,\r\n ", 0), 5, A_MOMENT)

    assert entry is not None
    assert (entry.entry_id, entry.patient_id, entry.entry_date) == (1, 17, A_DAY)
    assert entry.chart_entry == " Füllung,\r\n "
    assert (entry.source_version, entry.captured_at) == (5, A_MOMENT)


def test_a_null_text_is_empty() -> None:
    entry = RULES.chart_entry((1, 2, 20220118, None, None), 5, A_MOMENT)

    assert entry is not None
    assert entry.chart_entry == ""


def test_a_dead_row_is_nothing_even_where_it_breaks_a_rule() -> None:
    assert RULES.chart_entry((1, None, 20240230, None, 1), 5, A_MOMENT) is None
    assert RULES.service((1, None, None, None, 1), 5, A_MOMENT) is None
    assert RULES.patient_insurance((1, None, None, 1), 5, A_MOMENT) is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((1, 2, 20240230, "", 0), "invalid-date"),
        ((1, 2, None, "", 0), "missing-date"),
        ((1, None, 20220118, "", 0), "missing-patient"),
        ((1, " ", 20220118, "", 0), "missing-patient"),
        ((1, "67890/A22", 20220118, "", 0), "invalid-id"),
        (("x", 2, 20220118, "", 0), "invalid-id"),
    ],
)
def test_a_row_that_breaks_a_rule_says_which(row: tuple[object, ...], reason: str) -> None:
    for read in (RULES.chart_entry, RULES.service):
        with pytest.raises(SkipRecord) as caught:
            read(row, 5, A_MOMENT)
        assert caught.value.reason == reason


def test_a_service_keeps_its_code_as_it_is() -> None:
    service = RULES.service((9, 2, 20220118, " Ä935 ", None), 5, A_MOMENT)

    assert service is not None
    assert (service.service_id, service.code) == (9, " Ä935 ")


def test_a_link_without_an_insurer_is_a_link() -> None:
    link = RULES.patient_insurance((9, 2, None, None), 5, A_MOMENT)

    assert link is not None
    assert link.insurer_id is None


def test_an_insurer_keeps_its_art_as_it_is() -> None:
    insurer = RULES.insurer((3, "AOK Bayern", " 1"), 5, A_MOMENT)

    assert (insurer.insurer_id, insurer.name, insurer.kind) == (3, "AOK Bayern", " 1")


def test_ids_take_the_type_that_the_mapping_gives_their_role() -> None:
    rules = Rules.of(a_mapping(ids={Role.PATIENT: IdType.TEXT}))

    entry = rules.chart_entry((1, 17, 20220118, "", 0), 5, A_MOMENT)

    assert entry is not None
    assert (entry.entry_id, entry.patient_id) == (1, "17")
    assert rules.row_id("KARTEI", "1 ") == 1
