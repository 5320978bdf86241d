from xml.etree import ElementTree as ET

import pytest

from chartfeed.console.lines import Line, _round_above, _time_above, chart


def drawn(values, **others):
    times = [1_800_000_000.0 + 60 * at for at in range(len(values))]
    text = chart("a <title>", times, [Line(values, **others)], shown=str, is_time=False, clock=str)
    return ET.fromstring(text)


def test_a_chart_has_a_name_and_is_whole():
    found = drawn([1.0, 2.0, 3.0], is_filled=True)

    assert ("img", "a <title>") == (found.get("role"), found.get("aria-label"))
    assert ["area", "line "] == [one.get("class") for one in found[-2:]]


def test_where_nothing_was_seen_the_line_has_a_gap():
    paths = [one for one in drawn([1.0, None, 3.0, 4.0]) if one.get("class") == "line "]
    assert 2 == len(paths)


def test_a_chart_of_nothing_has_its_axis():
    assert "axis" in {one.get("class") for one in drawn([None, None])}


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 0.4), (1, 1), (17, 20), (81, 100)])
def test_the_top_is_round(value, top):
    assert top == pytest.approx(_round_above(value))


@pytest.mark.parametrize(
    ("seconds", "top"), [(0.7, 0.8), (35, 40), (50, 60), (5400, 7200), (70, 120), (1300, 2400)]
)
def test_the_top_of_a_time_is_round_in_its_unit(seconds, top):
    assert top == pytest.approx(_time_above(seconds))
