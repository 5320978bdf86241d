"""The join's rules: services, the link that counts, the order of rows."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.unified import chart_text, latest, service_codes

IDS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(codec="utf-8")))
CODES = st.none() | st.sampled_from(["01", " 01 ", "1040", "13b", "13B", "Ä935", "", "  ", "a,b"])
SERVICES = st.lists(st.tuples(IDS, CODES), unique_by=lambda service: service[0])


def test_codes_are_trimmed_and_empty_ones_dropped() -> None:
    assert service_codes([(1, " 01 "), (2, ""), (3, None), (4, "   "), (5, "1040")]) == (
        "01",
        "1040",
    )


def test_a_code_stands_once_where_its_lowest_id_stands() -> None:
    assert service_codes([(9, "01"), (3, "1040"), (1, "01")]) == ("01", "1040")


def test_codes_are_compared_exactly() -> None:
    assert service_codes([(1, "13b"), (2, "13B"), (3, "13b ")]) == ("13b", "13B")


def test_integer_ids_come_before_texts() -> None:
    assert service_codes([("1", "last"), (10, "second"), (9, "first")]) == (
        "first",
        "second",
        "last",
    )


@given(SERVICES)
def test_any_order_of_arrival_gives_the_same_codes(
    services: list[tuple[int | str, str | None]],
) -> None:
    assert service_codes(services) == service_codes(reversed(services))


@given(SERVICES)
def test_no_code_is_lost_doubled_or_blank(services: list[tuple[int | str, str | None]]) -> None:
    codes = service_codes(services)

    assert len(set(codes)) == len(codes)
    assert set(codes) == {code.strip() for _, code in services if code and code.strip()}


def test_the_highest_link_counts() -> None:
    assert latest([]) is None
    assert latest([9, 10, 2]) == 10
    assert latest([99, "1"]) == "1"


def test_text_is_kept_to_the_byte() -> None:
    assert chart_text(None) == ""
    assert chart_text(" Füllung 16,\r\n\t") == " Füllung 16,\r\n\t"
