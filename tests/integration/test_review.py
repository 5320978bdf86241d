"""The talk of a review with a person at the keyboard, against practices on a stand-in."""

import io
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartfeed import approval_commands, mapping_commands
from chartfeed.approvals import Changed
from chartfeed.cli import Context
from deploy.local import practices
from deploy.local.practice import fillers, layout, truth
from deploy.local.practices import Practice, Request
from producers import audit, mapping_file
from producers.connection import Settings, connect
from producers.errors import CenterDown
from tests import approved
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.sqlserver, pytest.mark.timeout(180)]

READER = "Aa1-" + secrets.token_urlsafe(12)


class Keyboard(io.RawIOBase):
    """Gives one line at a time, when it is asked for."""

    def __init__(self, typed: Iterable[str | Callable[[], None]]) -> None:
        self.typed = iter(typed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        for one in self.typed:
            if isinstance(one, str):
                line = f"{one}\n".encode()
                buffer[: len(line)] = line
                return len(line)
            one()
        return 0


@dataclass(frozen=True)
class Desk:
    """A reviewer's desk: practices, a configuration, a keyboard."""

    folder: Path
    planned: tuple[Practice, ...]
    sa: Settings

    def review(self, practice: Practice, *typed: str | Callable[[], None]) -> Result:
        """Answer the questions in order; what is called in between happens before the next one."""
        return CliRunner().invoke(
            approval_commands.review,
            [practice.center_id],
            input=io.BufferedReader(Keyboard(typed)),
            obj=Context(str(self.folder / "chartfeed.yml")),
            standalone_mode=False,
        )

    def lose_the_connection(self, practice: Practice) -> None:
        """Let the next statement of that database end its connection."""
        with closing(connect(replace(self.sa, database=practice.database))) as connection:
            connection.execute("EXEC standin.fail_next @error = 0, @count = 1")

    def path(self, practice: Practice) -> Path:
        return self.folder / "mappings" / f"{practice.center_id}.yml"

    def rival(self, point: str) -> Practice:
        return next(one for one in self.planned if point in dict(one.rivals))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("review")
    planned = practices.plan(
        Request(
            count=4,
            families=("clean", "ambiguous", "ambiguous", "synonyms"),
            patients=40,
            years=1,
            tables=20,
        )
    )
    with running(tmp_path_factory.mktemp("server")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        approved.configure(folder, {sa.server: planned}, READER)
        yield Desk(folder, planned, sa)


@pytest.fixture
def desk(server: Desk, tmp_path: Path) -> Desk:
    """Give the same practices with a fresh folder of mappings."""
    for name in ("chartfeed.yml", "centers.yml", "password"):
        (tmp_path / name).write_bytes((server.folder / name).read_bytes())
    return replace(server, folder=tmp_path)


def test_a_clear_mapping_needs_only_a_name(desk: Desk) -> None:
    practice = desk.planned[0]

    result = desk.review(practice, "Ada Lovelace")

    assert result.return_value == 0, result.output
    assert "The unified rows of" in result.output
    approved_ = mapping_file.load(desk.path(practice))
    assert approved_.reviewed_by == "Ada Lovelace"
    approved_.require_approval()


def test_no_name_no_approval(desk: Desk) -> None:
    result = desk.review(desk.planned[0], "")

    assert result.return_value == 2
    assert not desk.path(desk.planned[0]).exists()


def test_the_end_of_the_input_is_no_name_either(desk: Desk) -> None:
    practice = desk.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]

    at_once, later = desk.review(practice), desk.review(practice, name)

    for result in (at_once, later):
        assert result.return_value == 2, result.exception
        assert result.output.endswith("\nNot approved; nothing is written.\n")
    assert f"Your answers so far: chartfeed approve {practice.center_id}" in later.output
    assert not desk.path(practice).exists()


def test_a_rival_is_chosen_by_its_number(desk: Desk) -> None:
    practice = desk.rival("KARTEI")
    known = truth.of(practice)

    shown = desk.review(practice, "", "")
    rivals = [line for line in shown.output.splitlines() if line.strip().startswith(("1)", "2)"))]
    number = next(line.strip()[0] for line in rivals if f" {known.names['KARTEI']} " in line)
    result = desk.review(practice, number, "Ada")

    assert shown.return_value == 2
    assert result.return_value == 0, result.output
    names = mapping_file.load(desk.path(practice))
    assert names.table("KARTEI") == known.names["KARTEI"]
    assert names.column("KARTEI", "BEMERKUNG") == known.names["KARTEI.BEMERKUNG"]


def test_a_rival_that_holds_more_rows_than_the_choice_is_named(desk: Desk) -> None:
    practice = desk.rival("KARTEI")
    right = truth.of(practice).names["KARTEI"]
    wrong = dict(practice.rivals)["KARTEI"]

    result = desk.review(practice, wrong, "")

    warned = [line for line in result.output.splitlines() if "warning  KARTEI " in line]
    assert len(warned) == 1
    assert f"{right}, a rival, has " in warned[0]


def test_a_column_is_typed_and_its_values_are_shown(desk: Desk) -> None:
    practice = desk.rival("KARTEI.DATUM")
    known = truth.of(practice)

    result = desk.review(practice, known.names["KARTEI.DATUM"], "Ada")

    assert result.return_value == 0, result.output
    assert f"{known.names['KARTEI.DATUM']} holds: 2022" in result.output
    assert (
        mapping_file.load(desk.path(practice)).column("KARTEI", "DATUM")
        == (known.names["KARTEI.DATUM"])
    )


def test_what_is_not_sure_is_asked_and_kept_by_enter(desk: Desk) -> None:
    practice = desk.planned[3]

    result = desk.review(practice, *[""] * 40)

    assert result.return_value == 2
    assert "BEMERKUNG" in result.output
    assert "holds: " in result.output


def test_a_name_that_is_not_there_is_asked_again(desk: Desk) -> None:
    practice = desk.rival("KARTEI.DATUM")
    known = truth.of(practice)

    result = desk.review(practice, "NO_SUCH_COLUMN", known.names["KARTEI.DATUM"], "Ada")

    assert result.return_value == 0, result.output
    assert "NO_SUCH_COLUMN is not there" in result.output


def test_a_review_goes_back_to_what_failed(desk: Desk) -> None:
    practice = desk.rival("KARTEI.DATUM")
    known = truth.of(practice)

    result = desk.review(practice, "", known.names["KARTEI.DATUM"], "Ada")

    assert "Back to KARTEI.DATUM" in result.output
    assert result.return_value == 0, result.output


@pytest.mark.parametrize("point", ["KARTEI", "KARTEI.DATUM"])
def test_an_error_of_the_database_loses_no_answer(desk: Desk, point: str) -> None:
    practice = desk.rival(point)
    name = truth.of(practice).names[point]

    result = desk.review(practice, lambda: desk.lose_the_connection(practice), name, "y", "Ada")

    assert result.output.count("Try again? Your answers are kept") == 1
    assert result.return_value == 0, result.output
    found = mapping_file.load(desk.path(practice))
    assert audit.names(found)[point] == name


def test_a_review_that_stops_at_an_error_hands_the_answers_over(desk: Desk) -> None:
    practice = desk.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]

    result = desk.review(practice, lambda: desk.lose_the_connection(practice), name, "n")

    assert isinstance(result.exception, CenterDown)
    command = f"chartfeed approve {practice.center_id} --reviewer NAME --set KARTEI.DATUM={name}"
    assert command in result.output
    assert not desk.path(practice).exists()


def test_an_approval_that_the_log_does_not_know_is_none_at_the_desk(desk: Desk) -> None:
    practice = desk.planned[0]
    desk.review(practice, "Ada")
    (desk.folder / "mappings" / audit.NAME).unlink()

    result = desk.review(practice, "")
    shown = CliRunner().invoke(
        mapping_commands.show_mapping,
        [practice.center_id],
        obj=Context(str(desk.folder / "chartfeed.yml")),
        standalone_mode=False,
    )

    assert "is approved by" not in result.output
    assert "approved by Ada at" not in shown.output
    assert "NOT approved: the file says approved, but" in shown.output


def test_a_review_that_fails_twice_the_same_way_writes_nothing(desk: Desk) -> None:
    practice = desk.rival("KARTEI.DATUM")
    wrong = truth.of(practice).names["KARTEI.BEMERKUNG"]

    result = desk.review(practice, wrong, *[""] * 5)

    assert result.return_value == 2
    assert f"{wrong} is already KARTEI" in result.output
    assert not desk.path(practice).exists()


def test_all_names_are_shown_with_their_confidence_before_the_signature(desk: Desk) -> None:
    practice = desk.planned[0]

    result = desk.review(practice, "")

    _, signed = result.output.split("The names that you sign for")
    known = truth.of(practice).names
    lines = {line.split()[0]: line.split()[1:] for line in signed.splitlines() if line.strip()}
    assert lines["KARTEI.BEMERKUNG"][0] == known["KARTEI.BEMERKUNG"]
    assert all(0 < float(lines[point][1]) <= 1 for point in known)


def test_names_of_people_are_never_shown(desk: Desk) -> None:
    for practice in desk.planned:
        result = desk.review(practice, *[""] * 40)
        rows = next(rows for table, rows in fillers.rows(practice) if table.role == layout.PATIENT)
        columns = [column.role for column in practice.table(layout.PATIENT).columns]
        first = {str(row[columns.index("P_NAME")]) for row in rows}
        words = set(result.output.replace(",", " ").split())
        assert not {name for name in first if len(name) > 5} & words


def test_a_dead_flag_is_asked_for_and_warns(desk: Desk) -> None:
    practice = desk.planned[0]
    table = f"{practice.schema}.{practice.table('LEISTUNG').name}"
    flag = practice.table("LEISTUNG").column("DELKZ").name
    with closing(connect(replace(desk.sa, database=practice.database))) as connection:
        count = connection.execute(f"UPDATE {table} SET {flag} = 1").rowcount
        try:
            result = desk.review(practice, flag, *[""] * 10)
            turned = desk.review(practice, flag, "1", *[""] * 10)
        finally:
            connection.execute(f"UPDATE {table} SET {flag} = 0")

    assert f"read in the usual way, {count} of {count} rows would be deleted" in result.output
    assert "warning  LEISTUNG.DELKZ" in result.output
    assert f"100.0 % of {count} rows count as deleted" in result.output
    assert f"0.0 % of {count} rows count as deleted" in turned.output
    assert "warning  LEISTUNG.DELKZ" not in turned.output


def test_a_column_that_nobody_reads_is_left_open(desk: Desk) -> None:
    practice = desk.planned[0]
    desk.review(practice, "Ada")

    result = CliRunner().invoke(
        approval_commands.approve,
        [practice.center_id, "--reviewer", "Bo", "--unset", "PATIENT.P_NAME"],
        obj=Context(str(desk.folder / "chartfeed.yml")),
        standalone_mode=False,
    )

    assert result.return_value == 0, result.output
    found = mapping_file.load(desk.path(practice))
    assert list(found.open_points()) == ["PATIENT.P_NAME"]
    assert found.reviewed_by == "Bo"


def test_an_approval_by_somebody_else_meanwhile_is_told_and_the_answers_are_kept(
    desk: Desk,
) -> None:
    practice = desk.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]

    def bo_is_faster() -> None:
        assert desk.review(practice, name, "Bo").return_value == 0

    result = desk.review(practice, bo_is_faster, name, "Ada")

    assert isinstance(result.exception, Changed)
    assert "the approval by Bo" in str(result.exception)
    assert f"--set KARTEI.DATUM={name}" in result.output
    assert mapping_file.load(desk.path(practice)).reviewed_by == "Bo"
