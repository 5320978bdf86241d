"""A center's day from its rows: every rule of the join, one trap a test."""

import random
from collections.abc import Sequence
from typing import Any

from producers.extract import CenterDay, unify
from producers.mapping import Mapping
from schemas.ids import IdType, Role
from schemas.insurance import DEFAULT
from tests.factories import A_DAY, A_MOMENT, a_mapping

Row = tuple[Any, ...]
NO_LINK = (None,) * 4
NO_INSURER = (None,) * 3
AOK = (100, "AOK Bayern", "1")
PRIVATE = (200, "PRIVAT", "P")


def an_entry(
    id_: object = 1,
    patient: object = 1,
    *,
    link: Row = NO_LINK,
    insurer: Row = NO_INSURER,
    day: object = 20220118,
    text: str | None = "Füllung",
    flag: object = 0,
) -> Row:
    """Give a row of the first result: an entry with one link of its patient and that insurer."""
    return (id_, patient, day, text, flag, *link, *insurer)


def a_service(id_: object, code: str | None, patient: object = 1, flag: object = 0) -> Row:
    return (id_, patient, 20220118, code, flag)


def a_day(
    entries: list[Row], services: Sequence[Row] = (), mapping: Mapping | None = None
) -> CenterDay:
    return unify(
        mapping or a_mapping(),
        A_DAY,
        entries,
        services,
        center_name="Praxis",
        table=DEFAULT,
        captured_at=A_MOMENT,
        version=10,
    )


def insurance(day: CenterDay) -> list[tuple[str, str | None]]:
    return [(row.insurance_status, row.insurance_name) for row in day.rows]


def test_the_days_of_the_domains_example() -> None:
    link, insurer = (1, 1, 100, 0), AOK
    entries = [
        an_entry(1, 1, link=link, insurer=insurer, text="Kontrolle"),
        an_entry(2, 1, link=link, insurer=insurer, text="Zahnreinigung"),
        an_entry(3, 4, link=(4, 4, 200, 0), insurer=PRIVATE),
    ]
    services = [a_service(1, "01"), a_service(2, "1040"), a_service(3, "Ä1", patient=9)]

    day = a_day(entries, services)

    assert [
        (row.patient_id, row.insurance_status, row.insurance_name, row.service_codes)
        for row in day.rows
    ] == [
        (1, "GKV", "AOK Bayern", ("01", "1040")),
        (1, "GKV", "AOK Bayern", ("01", "1040")),
        (4, "PKV", "PRIVAT", ()),
    ]
    assert (day.version, day.captured_at) == (10, A_MOMENT)


def test_the_highest_live_link_counts() -> None:
    day = a_day(
        [
            an_entry(link=(9, 1, 100, 0), insurer=AOK),
            an_entry(link=(10, 1, 200, 0), insurer=PRIVATE),
            an_entry(link=(11, 1, 100, 1), insurer=AOK),
        ]
    )

    assert insurance(day) == [("PKV", "PRIVAT")]


def test_no_live_link_is_a_self_payer() -> None:
    assert insurance(a_day([an_entry()])) == [("Selbstzahler", None)]
    assert insurance(a_day([an_entry(link=(9, 1, 100, 1), insurer=AOK)])) == [
        ("Selbstzahler", None)
    ]


def test_a_link_to_nothing_still_competes_by_its_id() -> None:
    for highest in [(10, 1, None, 0), (10, 1, 999, 0)]:
        day = a_day([an_entry(link=(9, 1, 100, 0), insurer=AOK), an_entry(link=highest)])

        assert insurance(day) == [("Selbstzahler", None)]


def test_a_link_that_breaks_a_rule_is_as_if_withdrawn() -> None:
    day = a_day(
        [an_entry(link=(9, 1, 100, 0), insurer=AOK), an_entry(link=(10, 1, "not a number", 0))]
    )

    assert insurance(day) == [("GKV", "AOK Bayern")]


def test_an_insurer_of_an_unknown_kind_keeps_its_name_and_is_counted() -> None:
    day = a_day([an_entry(link=(9, 1, 300, 0), insurer=(300, "Bundeswehr", "b"))])

    assert insurance(day) == [("Selbstzahler", "Bundeswehr")]
    assert day.unknown_kinds == {"B": 1}


def test_dead_entries_and_dead_services_are_gone() -> None:
    day = a_day(
        [an_entry(1), an_entry(2, flag=1)], [a_service(1, "01", flag=1), a_service(2, "02")]
    )

    assert [(row.entry_id, row.service_codes) for row in day.rows] == [(1, ("02",))]


def test_an_entry_without_a_patient_is_a_dead_letter_once() -> None:
    day = a_day([an_entry(1), *[an_entry(2, None)] * 3])

    assert [row.entry_id for row in day.rows] == [1]
    assert day.dead_letters == {"missing-patient": 1}


def test_what_the_server_calls_equal_and_we_do_not_is_kept_apart() -> None:
    mapping = a_mapping(ids={Role.PATIENT: IdType.TEXT, Role.INSURER: IdType.TEXT})
    day = a_day(
        [
            an_entry(1, "a1", link=(9, "A1", "K", 0), insurer=("K", "AOK", "1")),
            an_entry(2, "b ", link=(10, "b", "k", 0), insurer=("K", "AOK", "1")),
            an_entry(3, "c ", link=(11, "c", "K ", 0), insurer=("K", "AOK", "1")),
        ],
        [a_service(1, "01", "A1"), a_service(2, "02", "b")],
        mapping,
    )

    assert [(row.patient_id, row.insurance_name, row.service_codes) for row in day.rows] == [
        ("a1", None, ()),
        ("b", None, ("02",)),
        ("c", "AOK", ()),
    ]


def test_a_number_in_a_text_column_meets_its_number() -> None:
    day = a_day([an_entry(1, "17 ", link=(9, 17, "100", 0), insurer=AOK)], [a_service(1, "01", 17)])

    assert [(row.patient_id, row.insurance_name, row.service_codes) for row in day.rows] == [
        (17, "AOK Bayern", ("01",))
    ]


def test_the_order_in_which_rows_arrive_changes_nothing() -> None:
    entries = [
        an_entry(id_, patient, link=(link, patient, insurer[0], 0), insurer=insurer)
        for id_, patient in [(5, 2), (11, 1), (2, 10), (3, 1)]
        for link, insurer in [(1, AOK), (2, PRIVATE)]
    ]
    services = [a_service(id_, code) for id_, code in [(3, "b"), (1, "a"), (2, "b")]]
    expected = a_day(entries, services)
    shuffled = random.Random(1)

    for _ in range(20):
        shuffled.shuffle(entries)
        shuffled.shuffle(services)
        assert a_day(entries, services) == expected
    assert [(row.patient_id, row.entry_id) for row in expected.rows] == [
        (1, 3),
        (1, 11),
        (2, 5),
        (10, 2),
    ]
    assert expected.rows[0].service_codes == ("a", "b")
