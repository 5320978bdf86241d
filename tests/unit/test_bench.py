"""What a run of the measurements tells: what is in it, what is not, what missed and why."""

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import __main__ as runner
from bench import _bare, capture, console, growth, stream
from bench._figures import Figure
from bench._gathered import Part, as_document
from bench._latency import Latencies
from bench._order import ORDER, Step, absent, steps
from bench._pictures import as_curves, as_picture
from bench._reasons import UNKNOWN, why
from producers.capture.events import TABLES
from producers.rows import Rules
from schemas import avro
from schemas.codec import Decoder
from tests.factories import A_MOMENT, a_mapping

ABOUT = {"date": "2026-11-21", "commit": "abc", "processor": "2 cores of one"}
SLOW = Figure("commit to readable, p99, 500ms", 9.7, "s", 2, at_most=True)
SECTIONS = {one.__name__.split(".")[-1]: one.SECTIONS for one in (capture, console, growth, stream)}


def a_part(measurement="capture", section="many", figures=(SLOW,)):
    return Part(measurement, section, 1.0, figures)


def document(*parts, **more):
    return as_document(parts, ABOUT, picture="measured.svg", **more)


def test_a_whole_run_has_every_measurement_and_every_section():
    assert {step.measurement for step in ORDER} == set(runner.names())
    for measurement, sections in SECTIONS.items():
        asked = [one for step in ORDER if step.measurement == measurement for one in step.sections]
        assert sorted(asked) == sorted(sections)


def test_the_longest_comes_last():
    assert ORDER[-1] == Step("stream", ("state",))


def test_what_is_named_keeps_the_order_of_the_whole_run_and_its_options():
    assert [step.title for step in steps(["growth"], [])] == [
        "growth rows days",
        "growth events state",
        "growth centers",
        "growth workers",
    ]
    assert steps(["stream"], ["--only", "live"]) == [Step("stream")]


def test_a_page_names_each_section_that_is_not_in_it():
    found = [a_part(section="fast"), a_part("console", "day, parquet"), a_part("join", "20 rows")]
    begun = [Step("capture", ("fast", "many"))]
    untried, broken = absent(found, begun)
    assert {"console day", "capture fast", "join"}.isdisjoint([*untried, *broken])
    assert broken == ["capture many"]
    assert untried[-1] == "stream state"
    text = document(*found, untried=untried, broken=broken)
    assert f"**Not in this run:** {'; '.join(untried)}." in text
    assert "**Tried, and broke off:** capture many." in text
    assert "Every section is in this run." in document(*found)


def test_what_is_missed_twice_is_told_apart_by_its_section():
    assert a_part().missed == ["capture many: commit to readable, p99, 500ms"]
    assert a_part("codec", "codec").name == "codec"


def test_a_missed_figure_has_its_reason_where_one_is_known():
    known = why("capture many", SLOW.name)
    assert known != UNKNOWN
    assert f"| capture many | {SLOW.name} | 9.7 s | at most 2 | {known} |" in document(a_part())
    assert why("capture snapshot", "snapshot rows, by the clock") == UNKNOWN


def test_a_page_without_a_miss_has_no_table_of_them():
    text = document(a_part(figures=[Figure("rows", 3, "")]))
    assert "Nothing that was measured." in text
    assert "| why |" not in text


def test_the_picture_has_the_nearest_of_each_section_and_unit_and_all_that_are_missed():
    figures = [
        Figure("far", 9, "s", 1),
        Figure("near", 2, "s", 1),
        Figure("other unit", 5, "MB", 1),
        Figure("one miss", 1, "/s", 2),
        Figure("another miss", 1, "/s", 4),
    ]
    drawn = "".join(ET.fromstring(as_picture([a_part(figures=figures)])).itertext())
    assert "capture many: near" in drawn
    assert "far" not in drawn
    assert all(name in drawn for name in ("other unit", "one miss", "another miss"))


@pytest.mark.parametrize(
    ("shares", "shared"),
    [
        ([range(12)], True),
        ([range(6), range(6, 12)], True),
        ([range(12), ()], False),
        ([range(6), range(5, 12)], False),
        ([range(6), range(6, 11)], False),
    ],
)
def test_workers_are_timed_when_each_has_a_share(shares, shared):
    assert shared == growth.is_shared(shares)


@pytest.mark.parametrize("count", [1, 3])
def test_a_curve_is_a_line_through_its_points(count):
    points = [growth.point("memory", "rows", 10**n, "MB", 5.0 * n) for n in range(1, count + 1)]
    picture = as_curves([a_part(figures=points)], ABOUT)
    assert picture is not None
    drawn = ET.fromstring(picture)
    texts = list(drawn.itertext())
    assert "memory, by rows" in texts
    assert [f"{5 * n} MB" in texts for n in range(1, count + 1)] == [True] * count
    [line] = drawn.iter("{http://www.w3.org/2000/svg}polyline")
    assert len(line.attrib["points"].split()) == count


def test_without_curves_there_is_no_picture_of_them():
    assert as_curves([a_part()], ABOUT) is None
    assert "How it grows" not in document(a_part())


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("KARTEI", (7, 70, 20220118, None, 0)),
        ("LEISTUNG", (7, 70, "20220118", "Ä1", None)),
        ("PATKASSE", (7, 70, 700, 0)),
        ("PATKASSE", (7, 70, None, 0)),
        ("KASSEN", (7, "AOK", None)),
        ("KARTEI", (7, 70, 20220118, "gone", 1)),
    ],
)
def test_the_bare_loop_encodes_what_the_feed_encodes(table, row):
    _, type_ = TABLES[table]
    rules = Rules.of(a_mapping())
    make = {
        "KASSEN": rules.insurer,
        "PATKASSE": rules.patient_insurance,
        "KARTEI": rules.chart_entry,
        "LEISTUNG": rules.service,
    }[table]
    decoder: Decoder[Any] = Decoder(type_)
    decoder.learn(1, avro.load(type_))
    value = _bare.encoder(table, type_, rules.center_id)(row)
    bare = None if value is None else decoder.decode(value)
    ours = make(row, 0, A_MOMENT)
    assert (bare and replace(bare, captured_at=A_MOMENT)) == ours


def test_a_latency_has_the_rate_that_came_about():
    found = Latencies.of({1: 10.0, 2: 10.5, 3: 11.0}, {1: 10.2, 2: 10.6, 3: 11.3}, range(1, 4))
    assert found.rate == 2
    assert found.seconds == pytest.approx([0.2, 0.1, 0.3])


def test_the_best_seconds_of_a_run_are_told_apart_from_the_rest():
    slow, quick = [2.0, 2.1, 2.2, 2.3], [0.4, 0.5, 0.6, 9.0]
    found = Latencies([*slow, *quick, 0.1], rate=2.0)
    assert found.best_p50(2) == 0.6
    assert found.best_p50(60) == 2.0
