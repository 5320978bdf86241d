"""Charts as SVG: well formed, to scale, named for those who hear them."""

import math
from xml.etree import ElementTree as ET

import pytest

from chartfeed.console.charts import Bar, bars, ring

SVG = {"s": "http://www.w3.org/2000/svg"}


def parsed(markup):
    return ET.fromstring(str(markup).replace("<svg ", f'<svg xmlns="{SVG["s"]}" ', 1))


def some_bars(*found):
    return parsed(bars("Rows", "by center", found, identity="rows"))


def widths(image):
    return [float(one.get("width")) for one in image.findall(".//s:rect", SVG)]


def test_a_bar_is_as_long_as_its_number():
    image = some_bars(Bar("a", (10,), "10"), Bar("b", (5,), "5"), Bar("c", (0,), "0"))

    longest, half = widths(image)
    assert longest == pytest.approx(2 * half)


def test_parts_follow_one_another_without_a_gap():
    image = some_bars(Bar("a", (10, 0, 5), "15"))

    first, second = image.findall(".//s:rect", SVG)
    assert ["part-1", "part-3"] == [first.get("class"), second.get("class")]
    assert float(first.get("x")) + float(first.get("width")) == pytest.approx(
        float(second.get("x")), abs=0.02
    )


def test_nothing_that_is_there_is_too_small_to_see():
    assert min(widths(some_bars(Bar("a", (1_000_000,), "1"), Bar("b", (1,), "1")))) > 1


def test_no_bars_are_an_image_all_the_same():
    assert [] == widths(some_bars())


def test_an_image_says_its_name_and_what_it_shows():
    image = some_bars(Bar("a", (1,), "1"))

    named = image.get("aria-labelledby").split()
    texts = {one.get("id"): one.text for one in image}
    assert ["Rows", "by center"] == [texts[name] for name in named]
    assert "img" == image.get("role")


def test_words_of_a_source_stay_words():
    image = some_bars(Bar("<script>&\"'", (1,), "1"))

    assert "<script>&\"'" in [one.text for one in image.findall(".//s:text", SVG)]


def test_long_names_end_in_dots_and_show_whole_on_pointing():
    name = "Zahnmedizinisches Versorgungszentrum Nordfriesland"
    image = some_bars(Bar(name, (1,), "7"))

    label = image.find(".//s:text", SVG).text
    assert label.endswith("…")
    assert f"{name}: 7" == image.find("s:g/s:title", SVG).text


def test_a_ring_is_closed_by_its_parts():
    image = parsed(ring("Share", "…", (3, 0, 1), middle="4", below="rows", identity="share"))

    arcs = [
        float(one.get("stroke-dasharray").split()[0])
        for one in image.findall("s:circle", SVG)
        if one.get("stroke-dasharray")
    ]
    assert 2 * math.pi * 78 == pytest.approx(sum(arcs), abs=0.1)
    assert arcs[0] == pytest.approx(3 * arcs[1], abs=0.1)


def test_a_ring_of_nothing_is_its_base():
    image = parsed(ring("Share", "…", (0, 0), middle="0", below="rows", identity="share"))

    assert ["ring-base"] == [one.get("class") for one in image.findall("s:circle", SVG)]


def test_no_chart_has_a_style_of_its_own():
    drawn = bars("a", "b", [Bar("c", (1,), "1")], identity="x") + ring(
        "a", "b", (1,), middle="1", below="", identity="y"
    )

    assert "style=" not in drawn
