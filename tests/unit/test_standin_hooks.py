"""The stand-in's own procedures: what they plan, for whom, and what they refuse."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import apsw
import pytest

from deploy.local.sqlserver import change_tracking, hooks
from deploy.local.sqlserver.errors import Cancelled, ConnectionDropped, SqlError, Unsupported
from deploy.local.sqlserver.results import Event, Info, Returned
from tests.unit.standin_database import Database

_T = TypeVar("_T")


class FakeSession:
    """A session of a database, as far as the hooks ask."""

    def __init__(self, faults: hooks.Faults, *, spid: int = 51, database: str = "Praxis") -> None:
        self.spid = spid
        self.database = database
        self.faults = faults
        self.cancelled = False
        self.tables = Database()

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled

    def write(self, work: Callable[[apsw.Connection], _T]) -> _T:
        return work(self.tables.db)


@pytest.fixture
def session() -> FakeSession:
    return FakeSession(hooks.Faults())


def call(session: FakeSession, procedure: str, **given: object) -> list[Event]:
    return list(hooks.PROCEDURES[procedure](session, given))


def error_at_begin(session: FakeSession) -> int | None:
    try:
        hooks.before_statement(session)
    except SqlError as error:
        return error.number
    return None


def test_the_next_statements_fail_and_then_no_more(session: FakeSession) -> None:
    call(session, "standin.fail_next", error=1205, count=2)
    assert [error_at_begin(session) for _ in range(3)] == [1205, 1205, None]


def test_a_failure_meets_the_sessions_of_its_database_alone(session: FakeSession) -> None:
    other = FakeSession(session.faults, spid=52, database="Andere")
    colleague = FakeSession(session.faults, spid=53)
    call(session, "standin.fail_next", error=1222)
    assert [error_at_begin(each) for each in (other, colleague, session)] == [None, 1222, None]


def test_error_zero_drops_the_connection(session: FakeSession) -> None:
    call(session, "standin.fail_next", error=0)
    with pytest.raises(ConnectionDropped):
        hooks.before_statement(session)


def test_a_failure_after_rows_comes_in_the_middle_of_a_result(session: FakeSession) -> None:
    call(session, "standin.fail_next", error=1205, after_rows=100)
    hooks.before_statement(session)
    hooks.on_rows(session, 60)
    with pytest.raises(SqlError) as error:
        hooks.on_rows(session, 60)
    assert (error.value.number, error.value.severity) == (1205, 13)


def test_a_shorter_result_passes_and_uses_nothing_up(session: FakeSession) -> None:
    call(session, "standin.fail_next", error=1205, after_rows=100)
    for _ in range(3):
        hooks.before_statement(session)
        hooks.on_rows(session, 60)
    with pytest.raises(SqlError):
        hooks.on_rows(session, 60)


def test_reset_forgets_what_was_planned(session: FakeSession) -> None:
    call(session, "standin.fail_next", error=1205, count=9)
    call(session, "standin.reset")
    assert error_at_begin(session) is None


def test_a_slow_database_lets_statements_wait(session: FakeSession) -> None:
    call(session, "standin.slow", milliseconds=30)
    started = time.monotonic()
    hooks.before_statement(session)
    assert time.monotonic() - started >= 0.03


def test_reset_lets_go_whoever_waits(session: FakeSession) -> None:
    call(session, "standin.slow", milliseconds=60_000)
    waiting = threading.Thread(target=hooks.before_statement, args=(session,))
    waiting.start()
    call(FakeSession(session.faults, spid=52), "standin.reset")
    waiting.join(timeout=5)
    assert not waiting.is_alive()


def test_a_statement_that_waits_can_be_cancelled(session: FakeSession) -> None:
    call(session, "standin.slow", milliseconds=60_000)
    session.cancelled = True
    with pytest.raises(Cancelled):
        hooks.before_statement(session)


def test_aged_changes_are_gone_after_a_flush(session: FakeSession) -> None:
    table = session.tables.table()
    session.tables.clock.now = time.time()
    session.tables.commit(f"INSERT INTO t{table} VALUES (1, 0)")
    assert call(session, "sys.sp_flush_ct_internal_table_on_demand") == [
        Info(0, "Total rows deleted: 0."),
        Returned(0),
    ]
    call(session, "standin.age_changes", **{"@Seconds": 172801})
    assert call(session, "sys.sp_flush_ct_internal_table_on_demand") == [
        Info(0, "Total rows deleted: 1."),
        Returned(0),
    ]
    assert change_tracking.min_valid_version(session.tables.db, table) == 1


@pytest.mark.parametrize(
    ("procedure", "given", "number"),
    [
        ("standin.age_changes", {}, 201),
        ("standin.age_changes", {"seconds": "morgen"}, 8114),
        ("standin.slow", {"milliseconds": 1, "seconds": 1}, 8145),
    ],
)
def test_wrong_arguments_are_refused_as_sql_server_does(
    session: FakeSession, procedure: str, given: dict[str, object], number: int
) -> None:
    with pytest.raises(SqlError) as error:
        call(session, procedure, **given)
    assert error.value.number == number


def test_flushing_a_single_table_is_not_known(session: FakeSession) -> None:
    with pytest.raises(Unsupported):
        call(session, "sys.sp_flush_ct_internal_table_on_demand", tabletoclean="KARTEI")


def test_every_procedure_tells_the_order_of_its_parameters() -> None:
    assert set(hooks.PARAMETERS) == set(hooks.PROCEDURES)
