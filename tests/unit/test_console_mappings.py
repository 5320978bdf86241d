"""The review page's data: the queue, how far a review has come, what a point's state is."""

import json
import weakref
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chartfeed import approvals, mappings
from chartfeed import settings as configuration
from chartfeed.console.german.sentences import is_known, told
from chartfeed.console.mappings import course as mappings_course
from chartfeed.console.mappings import page
from chartfeed.console.mappings import trail as mappings_trail
from chartfeed.console.mappings.course import START
from chartfeed.console.mappings.desk import KEPT_SECONDS, Desk
from chartfeed.console.mappings.worklist import Place, Queue, counted, ordered
from chartfeed.settings import Settings
from producers import approval, audit, mapping_file
from producers.errors import MappingDamaged
from producers.mapping import Mapping, Rival
from producers.validation import Finding, Level, Report
from schemas.errors import BadInput
from tests.factories import a_mapping

AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give three centers whose servers nobody answers for."""
    (tmp_path / "chartfeed.yml").write_text("mappings: mappings/\noutput: {path: out/}\n")
    lines = "".join(
        f'  - {{id: center_0{n}, name: Praxis {n}, server: "127.0.0.1,1", database: D{n}}}\n'
        for n in (7, 8, 9)
    )
    (tmp_path / "centers.yml").write_text(f"centers:\n{lines}")
    return configuration.load(tmp_path / "chartfeed.yml", {})


def proposed(settings: Settings, center: str, mapping: Mapping | None = None) -> Mapping:
    database = settings.center(center).database
    found = replace(mapping or a_mapping(), center=center, database=database).unapproved()
    approval.propose(settings.mappings, found, by="chartfeed", at=AT)
    return found


def approved(settings: Settings, center: str) -> None:
    before = proposed(settings, center)
    approvals.seal(settings, Report(before, ()), before, reviewer="Ada", at=AT)


def without(mapping: Mapping, point: str, **changes: object) -> Mapping:
    """Give a mapping with a column that has no name, or is otherwise changed."""
    role, _, key = point.partition(".")
    table = mapping.tables[role]
    column = replace(table.columns[key], **({"name": None} | changes))  # type: ignore[arg-type]
    changed = replace(table, columns={**table.columns, key: column})
    return replace(mapping, tables={**mapping.tables, role: changed})


def words(settings: Settings) -> dict[str, str]:
    return {place.center.id: place.word for place in Queue().places(settings)}


def test_a_center_without_a_file_waits_for_a_proposal(settings: Settings) -> None:
    assert set(words(settings).values()) == {"missing"}


def test_what_has_an_open_name_comes_before_what_is_ready_and_that_before_the_approved(
    settings: Settings,
) -> None:
    approved(settings, "center_07")
    proposed(settings, "center_08")
    proposed(settings, "center_09", without(a_mapping(), "KARTEI.DATUM"))

    assert list(words(settings).items()) == [
        ("center_09", "open"),
        ("center_08", "ready"),
        ("center_07", "approved"),
    ]


def test_a_doubtful_name_makes_a_proposal_unsure(settings: Settings) -> None:
    doubtful = without(a_mapping(), "KARTEI.DATUM", name="D", confidence=0.5)
    proposed(settings, "center_07", doubtful)

    assert words(settings)["center_07"] == "unsure"


def test_a_revocation_says_who_and_why(settings: Settings) -> None:
    approved(settings, "center_07")
    center = settings.center("center_07")
    present = mappings.load(settings, center)
    approvals.revoke(settings, center, present, reviewer="Bo", reason="wrong table", at=AT)

    place = Queue().places(settings)[0]

    assert (place.word, place.who, place.detail) == ("revoked", "Bo", "wrong table")
    assert place.waits


def test_a_new_proposal_in_place_of_an_approval_says_so(settings: Settings) -> None:
    approved(settings, "center_07")
    proposed(settings, "center_07")

    assert words(settings)["center_07"] == "renewed"


def test_an_edit_by_hand_is_told(settings: Settings) -> None:
    approved(settings, "center_07")
    path = mapping_file.path_of(settings.mappings, "center_07")
    path.write_text(path.read_text().replace("DATUM_7M", "DATUM_9X"))

    assert words(settings)["center_07"] == "edited"


def test_an_approval_that_the_log_does_not_know_is_told(settings: Settings) -> None:
    approved(settings, "center_07")
    (settings.mappings / audit.NAME).unlink()

    assert words(settings)["center_07"] == "unlogged"


def test_a_damaged_file_is_told_with_its_line(settings: Settings) -> None:
    settings.mappings.mkdir()
    mapping_file.path_of(settings.mappings, "center_07").write_text("format: 1\ncenter: [\n")

    place = Queue().places(settings)[0]

    assert place.word == "damaged"
    assert "center_07.yml" in (place.detail or "")


def test_a_log_with_a_broken_line_damages_every_center_and_stops_no_page(
    settings: Settings,
) -> None:
    approved(settings, "center_07")
    with (settings.mappings / audit.NAME).open("a") as file:
        file.write("half a li")

    assert set(words(settings).values()) == {"damaged"}


def test_a_queue_that_is_kept_notices_a_change(settings: Settings) -> None:
    queue = Queue()
    proposed(settings, "center_07")
    queue.places(settings)
    approved(settings, "center_07")

    assert {place.center.id: place.word for place in queue.places(settings)}[
        "center_07"
    ] == "approved"


def test_an_approved_center_whose_server_is_gone_is_down_and_nothing_for_a_reviewer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(settings, "center_07")
    monkeypatch.setattr(
        mappings, "state", lambda _, center: mappings.State(center, "down", detail="no answer")
    )

    place = next(one for one in Queue().look(settings) if one.center.id == "center_07")

    assert (place.word, place.detail, place.waits) == ("down", "no answer", False)


def test_a_drift_is_the_first_thing_to_look_at(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(settings, "center_09")
    monkeypatch.setattr(
        mappings, "state", lambda _, center: mappings.State(center, "drift", detail="gone")
    )

    assert Queue().look(settings)[0].word == "drift"


def test_disabled_centers_come_last_and_are_not_counted(settings: Settings) -> None:
    on, off = (
        Place(replace(settings.centers[0], enabled=enabled), word)
        for enabled, word in ((True, "approved"), (False, "open"))
    )

    assert ordered([off, on]) == [on, off]
    assert counted([off, on]) == {"approved": 1}


def test_the_trail_tells_the_newest_act_first_and_what_it_changed(settings: Settings) -> None:
    approved(settings, "center_07")
    approved(settings, "center_08")
    renamed = a_mapping(names={"KARTEI.DATUM": "DATUM_9X"}, live={"KARTEI": ("J", None)})
    proposed(settings, "center_07", renamed)

    trail = mappings_trail.of(settings.mappings, "center_07")

    assert [act.act for act in trail] == ["proposal", "revocation", "approval", "proposal"]
    assert trail[0].moves == (
        mappings_trail.Move("KARTEI.DATUM", "DATUM_7M", "DATUM_9X"),
        mappings_trail.Move("KARTEI.DELKZ.live", None, "J, NULL"),
    )
    assert (trail[2].who, trail[2].at) == ("Ada", AT)


def test_a_center_without_a_log_has_no_trail(settings: Settings) -> None:
    assert mappings_trail.of(settings.mappings, "center_07") == []


def test_a_trail_with_a_broken_line_names_it(settings: Settings) -> None:
    settings.mappings.mkdir()
    (settings.mappings / audit.NAME).write_text(json.dumps({"center": "center_07"}) + "\n")

    with pytest.raises(MappingDamaged, match=r"audit\.jsonl:1"):
        mappings_trail.of(settings.mappings, "center_07")


def test_a_course_survives_the_address() -> None:
    course = mappings_course.of(
        ["KARTEI=KARTEI_X", "KARTEI.ID", "PATIENT.P_NAME=", "KARTEI.DELKZ.live=J,1", "KASSEN.ART"]
    )

    assert mappings_course.of(course.texts()) == course
    assert set(course.done()) == {
        "KARTEI",
        "KARTEI.DELKZ",
        "KARTEI.ID",
        "PATIENT.P_NAME",
        "KASSEN.ART",
    }


def test_another_table_is_looked_at_anew() -> None:
    course = mappings_course.of(["KARTEI.ID", "KASSEN.ART", "KARTEI=KARTEI_X"])

    assert course.looked == ("KASSEN.ART",)


def test_what_was_answered_is_taken_back() -> None:
    course = mappings_course.of(["KARTEI=KARTEI_X", "KARTEI.ID", "KASSEN.ART", "-KARTEI"])

    assert not course.answers
    assert course.looked == ("KASSEN.ART",)


@pytest.mark.parametrize("text", ["KARTE", "KARTEI.NOTIZ", "KARTE=X", "KARTEI="])
def test_an_address_with_a_point_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        START.after(text)


def test_open_and_doubtful_points_are_left_until_somebody_looks() -> None:
    mapping = without(
        without(a_mapping(), "KARTEI.DATUM"), "KASSEN.ART", name="ART_X", confidence=0.5
    )

    assert START.left(mapping) == ["KARTEI.DATUM", "KASSEN.ART"]
    assert mappings_course.of(["KASSEN.ART"]).left(mapping) == ["KARTEI.DATUM"]


def marks(mapping: Mapping, *texts: str, findings: tuple[Finding, ...] = ()) -> dict[str, str]:
    sheet = page.sheet(mapping, mappings_course.of(texts), findings)
    return {point.point: point.mark for point in sheet.points}


def test_a_point_says_in_a_word_what_a_reviewer_has_to_know() -> None:
    mapping = without(a_mapping(), "KASSEN.ART", name="ART_X", confidence=0.5)
    mapping = without(without(mapping, "KARTEI.DATUM"), "PATIENT.P_NAME")

    found = marks(mapping)

    assert found["KASSEN.ART"] == "unsure"
    assert found["KARTEI.DATUM"] == "open"
    assert found["PATIENT.P_NAME"] == "optional"
    assert found["KARTEI.ID"] == "sure"
    assert marks(mapping, "KASSEN.ART", "PATIENT.P_NAME")["KASSEN.ART"] == "kept"
    assert marks(mapping, "PATIENT.P_NAME")["PATIENT.P_NAME"] == "left"


def test_what_the_validation_refused_is_to_be_looked_at_again_even_if_sure() -> None:
    wrong = Finding(Level.ERROR, "KARTEI.DATUM", "DATUM_7M is nvarchar(100), no date")

    sheet = page.sheet(a_mapping(), START, (wrong,))

    assert sheet.left == ("KARTEI.DATUM",)
    assert sheet.at(None).mark == "error"
    assert sheet.at(None).findings == (wrong,)


def test_columns_of_an_open_table_wait_for_it() -> None:
    mapping = a_mapping()
    table = replace(mapping.tables["KARTEI"], name=None, rivals=(Rival("KARTEI_A", 0.9),))
    mapping = replace(mapping, tables={**mapping.tables, "KARTEI": table})

    found = marks(mapping)

    assert found["KARTEI"] == "open"
    assert found["KARTEI.DATUM"] == "waits"
    assert page.sheet(mapping, START).at("KARTEI.DATUM").point == "KARTEI"


def test_an_open_schema_is_the_only_question() -> None:
    mapping = replace(a_mapping(), schema=None, schema_rivals=("ck", "praxis"))

    sheet = page.sheet(mapping, START)

    assert sheet.left == ("schema",)
    assert [rival.name for rival in sheet.at(None).rivals] == ["ck", "praxis"]
    assert {point.mark for point in sheet.points[1:]} == {"waits"}


def test_names_that_differ_from_the_last_approval_say_what_they_were() -> None:
    before = audit.names(a_mapping())
    now = a_mapping(names={"KARTEI.DATUM": "DATUM_9X"}, live={"KARTEI": ("J",)})

    sheet = page.sheet(now, START, (), before)

    assert sheet.at("KARTEI.DATUM").before == "DATUM_7M"
    assert [move.point for move in sheet.moves] == ["KARTEI.DATUM", "KARTEI.DELKZ.live"]
    assert sheet.at("KARTEI.DELKZ").live == "J"


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("97 % of 1,498 values are calendar dates", "97 % von 1.498 Werten sind Kalendertage"),
        (
            "PATNR: 9 % of 26 values found in P.ID, 4 different values for 20 rows of P",
            "PATNR: 9 % von 26 Werten in P.ID gefunden, 4 verschiedene Werte für 20 Zeilen von P",
        ),
        ("flags: 0 1,198, blank 2", "Kennzeichen: 0 1.198, leer 2"),
        ("9.9 % of 2 newest values found in P", "9,9 % der 2 neuesten Werte in P gefunden"),
        ("has no name (2 tables are possible)", "hat keinen Namen (2 Tabellen kommen infrage)"),
        ("2022-01-18 gives 1,180 unified rows", "18.01.2022 ergibt 1.180 vereinheitlichte Zeilen"),
        ("DATUM_X is bit, no date", "DATUM_X ist bit, keine Datumsspalte"),
    ],
)
def test_what_discovery_says_is_said_in_german(english: str, german: str) -> None:
    assert told(english, "de") == german
    assert told(english, "en") == english


def test_a_sentence_that_nobody_translated_is_shown_as_it_is() -> None:
    assert told("a new reason", "de") == "a new reason"


def test_all_evidence_of_the_golden_mappings_is_said_in_german() -> None:
    folder = Path(__file__).parents[1] / "golden" / "mappings"
    missing = set()
    for path in folder.glob("*.yml"):
        mapping = mapping_file.load(path)
        for point in page.sheet(mapping, START).points:
            reasons = [*point.evidence, *(text for one in point.rivals for text in one.evidence)]
            missing |= {text for text in reasons if not is_known(text)}
    assert missing == set()


def test_what_is_too_old_to_be_shown_is_let_go_when_anything_is_asked_for() -> None:
    class Catalog:
        """Stands for megabytes of names."""

    now = 0.0
    desk = Desk(lambda: now)
    old = weakref.ref(desk._once(("catalog", 1), Catalog))
    assert old() is desk._once(("catalog", 1), Catalog)

    now += KEPT_SECONDS + 1
    desk._once(("catalog", 2), Catalog)

    assert old() is None
