"""What a terminal shows of mappings, findings and days."""

from collections import Counter

from chartfeed import mapping_tables
from producers.extract import CenterDay
from tests.factories import A_MOMENT, a_unified_entry


def test_a_day_is_shown_without_a_word_that_may_be_a_name() -> None:
    row = a_unified_entry(
        chart_entry="Ute Müller, Tel. 0170 1234567",
        insurance_name="Ute Müller privat",
        service_codes=("01", "Ute"),
        patient_id="Ute",
    )
    day = CenterDay("center_01", (row,), A_MOMENT, 1, Counter(), Counter())

    shown = "\n".join(mapping_tables.day(day))

    assert "Ute" not in shown
    assert "Müller" not in shown
    assert "1234567" not in shown
    assert "Aaa Aaaaaa, Aaa. 9999 9999999" in shown
    assert "01,Aaa" in shown
