"""Connections: what a secret shows, and the driver's errors in our words."""

import pyodbc
import pytest

from producers import connection
from producers.connection import Settings, connection_string, translated
from producers.errors import CenterDown, Denied, Drift, StatementFailed
from schemas.errors import ChartfeedError
from tests.practices_on import Password

SETTINGS = Settings(
    "center_07", "127.0.0.1,1", "Dental;DB}", "me", Password("pa;ss}word"), driver="D"
)


def test_a_secret_is_in_no_repr() -> None:
    assert "pa;ss" not in repr(SETTINGS)


def test_values_can_t_break_out_of_the_connection_string() -> None:
    text = connection_string(SETTINGS)
    assert "PWD={pa;ss}}word}" in text
    assert "Database={Dental;DB}}}" in text
    assert "Encrypt=yes;TrustServerCertificate=no" in text


def failing(state: str, text: str) -> ChartfeedError:
    message = f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{text}"
    with pytest.raises(ChartfeedError) as caught, translated("center_07"):
        raise pyodbc.Error(state, message)
    return caught.value


@pytest.mark.parametrize(
    ("state", "number", "expected"),
    [
        ("28000", 18456, Denied),
        ("42000", 4060, Denied),
        ("42000", 229, Denied),
        ("42S02", 208, Drift),
        ("42S22", 207, Drift),
        ("40001", 1205, CenterDown),
        ("HYT00", 1222, CenterDown),
        ("08S01", 0, CenterDown),
        ("22018", 245, StatementFailed),
    ],
)
def test_an_error_becomes(state: str, number: int, expected: type[ChartfeedError]) -> None:
    error = failing(state, f"Something is wrong. ({number}) (SQLExecDirectW)")
    assert type(error) is expected
    assert error.fields["center"] == "center_07"
    assert "[Microsoft]" not in error.message


@pytest.mark.parametrize(
    ("state", "text", "number"),
    [
        ("22018", "Conversion failed when converting the nvarchar value 'Müller' to int.", 245),
        ("22018", "Conversion failed when converting the nvarchar value 'O'Müller' to int.", 245),
        ("23000", "Cannot insert duplicate key. The value is (Müller (geb. Meier), 1).", 2627),
        ("42000", "The trigger says: Müller may not", 50000),
        ("22018", "The value 'Müller (208) (SQLFetch); [x]' to int.", 245),
        ("22001", "String data, right truncation: Müller", 0),
    ],
)
def test_nothing_of_an_error_that_may_quote_a_value_is_passed_on(
    state: str, text: str, number: int
) -> None:
    error = failing(state, f"{text} ({number}) (SQLFetch)")
    assert "ller" not in str(error)
    assert "Meier" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_an_error_whose_text_is_kept_back_has_its_number() -> None:
    assert "error 245;" in failing("22018", "The value 'Müller'. (245) (SQLFetch)").message


def test_names_in_an_error_move_no_cursor() -> None:
    error = failing("42S02", "Invalid object name 'a\x1b[2J'. (208) (SQLExecDirectW)")
    assert "\x1b" not in error.message


def test_a_missing_table_keeps_its_name() -> None:
    error = failing("42S02", "Invalid object name 'ck.KARTEI_8Y'. (208) (SQLExecDirectW)")
    assert "ck.KARTEI_8Y" in error.message
    assert error.hint == "chartfeed mapping diff center_07"


def test_a_server_that_is_not_there_is_down() -> None:
    there = Settings("c", "127.0.0.1,1", "d", "u", Password("p"), login_timeout=1)
    with pytest.raises(CenterDown):
        connection.connect(there)
