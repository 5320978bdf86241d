import ast
import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import orjson
import pytest

from chartfeed.console.languages import LANGUAGES, Language, catalogue, preferred
from chartfeed.console.pages import FOLDER

BERLIN = ZoneInfo("Europe/Berlin")
EN, DE = Language("en", BERLIN), Language("de", BERLIN)


@pytest.mark.parametrize(
    ("chosen", "accepted", "expected"),
    [
        (None, "", "en"),
        (None, "de-DE,de;q=0.9,en;q=0.8", "de"),
        (None, "fr, en;q=0.5, de;q=0.7", "de"),
        (None, "fr;q=x, *", "en"),
        (None, "de;q=0, en", "en"),
        ("de", "en", "de"),
        ("fr", "de", "de"),
    ],
)
def test_a_language_is_chosen_or_the_browsers(chosen, accepted, expected):
    assert expected == preferred(chosen, accepted)


def test_numbers_days_and_times_are_as_their_reader_writes_them():
    moment = datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC)

    assert ("1,234,567.5", "1.234.567,5") == (EN.number(1234567.5, 1), DE.number(1234567.5, 1))
    assert ("4 Mar 2026", "04.03.2026") == (EN.day(date(2026, 3, 4)), DE.day(date(2026, 3, 4)))
    assert "04.03.2026, 11:20:30" == DE.moment(moment)
    assert ("12%", "12\u202f%") == (EN.percent(0.12), DE.percent(0.12))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.25, "0,2 s"),
        (42, "42 s"),
        (180, "3 min"),
        (5400, "90 min"),
        (172800, "48 h"),
        (1e6, "12 Tage"),
    ],
)
def test_a_length_of_time_is_said_in_the_unit_a_person_would_choose(seconds, said):
    assert said == DE.span(seconds).replace("\u202f", " ")


def test_every_sentence_is_there_in_both_languages_with_the_same_values():
    for path in (FOLDER / "catalogue").iterdir():
        for key, said in orjson.loads(path.read_bytes()).items():
            assert set(LANGUAGES) == set(said), f"{path.name}: {key}"
            values = [set(re.findall(r"{(\w+)}", said[code])) for code in LANGUAGES]
            assert values[0] == values[1], f"{path.name}: {key}"


def test_no_key_is_in_two_parts_of_the_catalogue():
    parts = [orjson.loads(path.read_bytes()) for path in (FOLDER / "catalogue").iterdir()]
    assert sum(map(len, parts)) == len(catalogue("en"))


def test_every_key_that_a_template_or_a_page_names_is_in_the_catalogue():
    words = catalogue("en")
    used = set()
    for path in (FOLDER / "templates").iterdir():
        used |= set(re.findall(r"""\bt\(\s*["']([\w.-]+)["']\s*[,)]""", path.read_text("utf-8")))
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "t"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                used.add(node.args[0].value)

    assert len(used) > 50
    assert [] == sorted(key for key in used if key not in words and f"{key}.other" not in words)
