"""`chartfeed extract` before it reaches any database: what it says, and how it leaves."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from chartfeed.cli import Context
from chartfeed.extract import Missing, Reading, extract, write, yesterday
from chartfeed.settings import Center
from producers.errors import CenterDown, Denied, Drift, MappingDamaged, StatementFailed, Unapproved
from producers.extract import CenterDay
from schemas.errors import BadInput, ChartfeedError, Outside
from stream_app.files.manifest import CenterLine, CompleteThrough
from stream_app.files.targets import Folder
from tests.factories import A_DAY, A_MOMENT, a_unified_entry


def a_center(number: int, timezone: str = "Europe/Berlin") -> Center:
    return Center(
        id=f"center_{number:02}",
        name=f"Praxis {number}",
        server="127.0.0.1,1",
        database=f"DentalDB_{number:02}",
        timezone=timezone,
    )


def was_read(number: int, *, unknown: Counter[str] | None = None) -> tuple[Center, CenterDay]:
    center = a_center(number)
    rows = (a_unified_entry(center_id=center.id, center_name=center.name),)
    return center, CenterDay(
        center.id, rows, A_MOMENT, 10, Counter({"missing-patient": 2}), unknown or Counter()
    )


def was_missing(number: int, error: ChartfeedError) -> Missing:
    return Missing(a_center(number), error)


def a_reading(*outcomes: tuple[Center, CenterDay] | Missing) -> Reading:
    return Reading(
        A_DAY,
        tuple(outcome for outcome in outcomes if not isinstance(outcome, Missing)),
        tuple(outcome for outcome in outcomes if isinstance(outcome, Missing)),
    )


DOWN = CenterDown("no answer")
UNAPPROVED = Unapproved("not approved")


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        (a_reading(was_read(1), was_read(2)), 0),
        (a_reading(was_read(1), was_missing(2, DOWN)), 1),
        (a_reading(was_read(1), was_missing(2, UNAPPROVED)), 1),
        (a_reading(was_missing(1, UNAPPROVED), was_missing(2, Drift("moved"))), 2),
        (a_reading(was_missing(1, UNAPPROVED), was_missing(2, DOWN)), 3),
        (a_reading(was_missing(1, Denied("18456"))), 3),
        (a_reading(was_missing(1, StatementFailed("245"))), 3),
        (a_reading(was_missing(1, StatementFailed("245")), was_missing(2, UNAPPROVED)), 3),
    ],
)
def test_the_exit_code_says_what_was_done(reading: Reading, code: int) -> None:
    assert reading.exit_code == code


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (DOWN, "down"),
        (Outside("no driver"), "down"),
        (UNAPPROVED, "unreviewed"),
        (MappingDamaged("line 3"), "unreviewed"),
        (Drift("moved"), "drift"),
        (Denied("18456"), "denied"),
        (BadInput("no password"), "denied"),
        (StatementFailed("245"), "stopped"),
    ],
)
def test_the_manifest_has_a_word_for_every_failure(error: ChartfeedError, word: str) -> None:
    assert was_missing(1, error).behind == word


def test_the_manifest_names_every_center_in_the_order_of_files(tmp_path: Path) -> None:
    reading = a_reading(was_read(3), was_read(1), was_missing(2, DOWN))

    written = write(reading, Folder(tmp_path), ["csv"], datetime(2026, 1, 1, tzinfo=UTC))

    complete = CompleteThrough(A_MOMENT, 10)
    assert written.centers == (
        CenterLine("center_01", "Praxis 1", 1, 2, complete, None),
        CenterLine("center_02", "Praxis 2", 0, 0, None, "down"),
        CenterLine("center_03", "Praxis 3", 1, 2, complete, None),
    )
    lines = (tmp_path / "ivoris_chart_entries_2022-01-18.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["center_id", "center_01", "center_03"]


def test_values_that_the_status_table_lacks_are_counted_over_all_centers() -> None:
    reading = a_reading(was_read(1, unknown=Counter("BB")), was_read(2, unknown=Counter("BC")))

    assert reading.unknown_kinds() == {"B": 3, "C": 1}


def test_yesterday_is_over_everywhere() -> None:
    just_after_midnight_in_berlin = datetime(2026, 1, 9, 23, 30, tzinfo=UTC)
    berlin, london = a_center(1), a_center(2, "Europe/London")

    assert yesterday([berlin], just_after_midnight_in_berlin) == date(2026, 1, 9)
    assert yesterday([berlin, london], just_after_midnight_in_berlin) == date(2026, 1, 8)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Give the configuration of one center that has no mapping yet."""
    (tmp_path / "chartfeed.yml").write_text("mappings: mappings/\noutput: {path: out/}\n")
    (tmp_path / "centers.yml").write_text(
        'centers:\n  - {id: center_01, name: Praxis, server: "127.0.0.1,1", database: D_01}\n'
    )
    return Context(str(tmp_path / "chartfeed.yml"))


def test_without_a_mapping_nothing_is_done(context: Context, tmp_path: Path) -> None:
    result = CliRunner().invoke(extract, [], obj=context, standalone_mode=False)

    assert result.return_value == 2
    assert "unreviewed" in result.stderr
    assert "next: chartfeed discover center_01" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--date", "18.01.2022"], "is no day such as 2022-01-18"),
        (["--date", "2022-02-30"], "is no day such as 2022-01-18"),
        (["--format", "csv,xls"], "'xls' is none of csv, json, parquet"),
    ],
)
def test_bad_input_is_named(context: Context, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(extract, arguments, obj=context)

    assert result.exit_code == 2
    assert said in result.output


def test_an_unknown_center_is_named_with_those_there_are(context: Context) -> None:
    result = CliRunner().invoke(extract, ["--center", "center_99"], obj=context)

    assert isinstance(result.exception, BadInput)
    assert result.exception.hint == "use one of: center_01"


def test_some_centers_do_not_replace_a_day_of_all(context: Context, tmp_path: Path) -> None:
    reading = a_reading(was_read(1), was_read(2), was_missing(3, DOWN))
    write(reading, Folder(tmp_path / "out"), ["csv"], datetime(2026, 1, 1, tzinfo=UTC))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    arguments = ["--center", "center_01", "--date", A_DAY.isoformat()]

    result = CliRunner().invoke(extract, arguments, obj=context)

    assert isinstance(result.exception, BadInput)
    assert "2 more centers, which would vanish: center_02, center_03" in result.exception.message
    assert "--output" in str(result.exception.hint)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_the_same_centers_replace_their_own_day(context: Context, tmp_path: Path) -> None:
    write(
        a_reading(was_read(1)), Folder(tmp_path / "out"), ["csv"], datetime(2026, 1, 1, tzinfo=UTC)
    )
    arguments = ["--center", "center_01", "--date", A_DAY.isoformat()]

    result = CliRunner().invoke(extract, arguments, obj=context, standalone_mode=False)

    assert result.return_value == 2
    assert "unreviewed" in result.stderr
