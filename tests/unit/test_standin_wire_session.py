"""A conversation with the stand-in, over an engine that says what the test tells it to."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from deploy.local.sqlserver import session, tokens
from deploy.local.sqlserver.errors import Cancelled, ConnectionDropped, SqlError
from deploy.local.sqlserver.results import (
    Column,
    Columns,
    DatabaseChanged,
    Done,
    Event,
    Failure,
    Info,
    Parameter,
    Returned,
    Rows,
    SqlType,
)
from deploy.local.sqlserver.types import COLLATION
from deploy.local.sqlserver.wire import Kind, Stream

HEADERS = b"\x16\0\0\0\x12\0\0\0\x02\0" + b"\0" * 8 + b"\x01\0\0\0"
INT = SqlType("int")
ONE = (Columns((Column("one", INT),)), Rows([(1,)]), Done(1, is_select=True))


@dataclass
class ScriptedSession:
    """An engine's session whose statements are entries of a table."""

    cancelled: Callable[[], bool]
    spid: int = 51
    database: str = "master"
    transaction: int = 0
    heard: list[tuple[str, tuple[Parameter, ...]]] = field(default_factory=list)

    def run(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[Event]:
        self.heard.append((sql, tuple(parameters)))
        if sql == "BEGIN TRAN":
            self.begin(None)
            yield Done()
        elif sql == "WAIT":
            while not self.cancelled():
                pass
            raise Cancelled
        elif sql == "DROP ME":
            yield ONE[0]
            raise ConnectionDropped
        elif sql == "FAIL":
            yield Failure(SqlError(208, "Invalid object name 'x'."))
            yield Done(3)
        elif sql == "RAISE":
            raise SqlError(102, "Incorrect syntax near 'RAISE'.", severity=15)
        elif sql == "USE other":
            yield DatabaseChanged("master", "other")
            yield Info(0, "hello")
            yield Done()
        else:
            yield from ONE

    def call(self, procedure: str, parameters: Sequence[Parameter] = ()) -> Iterator[Event]:
        self.heard.append((procedure, tuple(parameters)))
        yield Returned(3, (Parameter("@out", INT, 5, output=True),))

    def undeclared_parameters(
        self, sql: str, declared: Sequence[Parameter]
    ) -> tuple[Parameter, ...]:
        self.heard.append((sql, tuple(declared)))
        return (Parameter("@P1", SqlType("nvarchar", 500)),)

    def begin(self, isolation: str | None) -> None:
        self.heard.append((f"begin {isolation}", ()))
        self.transaction = 7

    def commit(self) -> None:
        self.transaction = 0

    def rollback(self) -> None:
        self.transaction = 0

    def save(self, name: str) -> None:
        self.heard.append((f"save {name}", ()))

    def reset(self) -> None:
        self.heard.append(("reset", ()))

    def close(self) -> None:
        self.heard.append(("close", ()))


class ScriptedEngine:
    """An engine with one login, sa, whose password is `right`."""

    def __init__(self) -> None:
        self.session: ScriptedSession | None = None

    def open(
        self, user: str, password: str, database: str | None, cancelled: Callable[[], bool]
    ) -> ScriptedSession:
        if (user, password) != ("sa", "right"):
            raise SqlError(18456, f"Login failed for user '{user}'.", severity=14)
        if database == "unknown":
            raise SqlError(4060, 'Cannot open database "unknown".', severity=11)
        self.session = ScriptedSession(cancelled)
        return self.session

    def close(self) -> None:
        self.session = None


class Client:
    """The other end, byte by byte."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def send(self, kind: Kind, data: bytes, *, status: int = 1) -> None:
        head = struct.pack(">BBHHBB", kind, status, 8 + len(data), 0, 1, 0)
        self.end.sendall(head + data)

    def reply(self) -> bytes:
        """Return one whole reply, or what came before the connection ended."""
        parts: list[bytes] = []
        while header := self.end.recv(8, socket.MSG_WAITALL):
            size = struct.unpack(">H", header[2:4])[0] - 8
            parts.append(self.end.recv(size, socket.MSG_WAITALL))
            if header[1] & 1:
                break
        return b"".join(parts)

    def log_in(self, password: str = "right", database: str = "master") -> bytes:
        self.send(Kind.LOGIN, a_login(password, database))
        return self.reply()

    def batch(self, sql: str, *, status: int = 1) -> bytes:
        self.send(Kind.BATCH, HEADERS + sql.encode("utf-16-le"), status=status)
        return self.reply()

    def call(self, *calls: bytes) -> bytes:
        self.send(Kind.RPC, HEADERS + b"\xff".join(calls))
        return self.reply()


def a_login(password: str = "right", database: str = "master") -> bytes:
    hidden = bytes(
        ((n >> 4) | (n << 4) & 0xF0) ^ 0xA5 for n in password.encode("utf-16-le")
    ).decode("utf-16-le", "surrogatepass")
    head = struct.pack("<III", 0, 0x74000004, 4096) + b"\0" * 24
    texts = ["", "sa", hidden, "test", "", "", "", "", database]
    data, table = b"", b""
    for text in texts:
        table += struct.pack("<HH", 94 + len(data), len(text))
        data += text.encode("utf-16-le", "surrogatepass")
    message = head + table + b"\0" * (94 - len(head) - len(table)) + data
    return struct.pack("<I", len(message)) + message[4:]


def nvarchar(text: str) -> bytes:
    data = text.encode("utf-16-le")
    size = struct.pack("<H", len(data))
    return b"\0\0\xe7" + struct.pack("<H", max(2, len(data))) + COLLATION + size + data


def integer(value: int | None, *, output: bool = False) -> bytes:
    data = b"\0" if value is None else struct.pack("<Bi", 4, value)
    return bytes([0, output]) + b"\x26\x04" + data


def numbered(procedure: int, *parameters: bytes) -> bytes:
    return struct.pack("<HHH", 0xFFFF, procedure, 0) + b"".join(parameters)


def named(procedure: str, *parameters: bytes) -> bytes:
    name = procedure.encode("utf-16-le")
    return struct.pack("<H", len(procedure)) + name + b"\0\0" + b"".join(parameters)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def connect(engine: ScriptedEngine) -> Iterator[Callable[[], Client]]:
    """Give new connections, each served by a thread that must end with it."""
    threads: list[threading.Thread] = []
    with ExitStack() as stack:

        def make() -> Client:
            ours, theirs = socket.socketpair()
            ours.settimeout(5)
            stack.enter_context(ours)

            def serve() -> None:
                with theirs:
                    session.serve(Stream(theirs), engine, None)

            threads.append(threading.Thread(target=serve))
            threads[-1].start()
            return Client(ours)

        yield make
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def client(connect: Callable[[], Client]) -> Client:
    logged_in = connect()
    logged_in.log_in()
    return logged_in


def test_a_login_is_acknowledged_with_its_database_and_collation(
    connect: Callable[[], Client],
) -> None:
    reply = connect().log_in()

    assert tokens.changed_database("master", "master") in reply
    assert tokens.changed_collation() in reply
    assert reply.endswith(tokens.done(tokens.DONE))


@pytest.mark.parametrize(
    ("password", "database", "numbers"),
    [("wrong", "master", [18456]), ("right", "unknown", [4060, 18456])],
)
def test_a_login_that_fails_is_told_why_and_ends(
    connect: Callable[[], Client], password: str, database: str, numbers: list[int]
) -> None:
    client = connect()

    reply = client.log_in(password, database)

    assert all(b"\xaa" in reply and struct.pack("<i", n) in reply for n in numbers)
    assert reply.endswith(tokens.done(tokens.DONE, failed=True))
    assert client.reply() == b""


def test_a_batch_answers_with_columns_rows_and_their_count(client: Client) -> None:
    described = tokens.columns([Column("one", INT)])

    assert client.batch("SELECT 1") == described + b"\xd1\x04\x01\0\0\0" + tokens.done(
        tokens.DONE, count=1, select=True
    )


def test_a_failed_statement_is_followed_by_those_after_it(client: Client) -> None:
    problem = tokens.error(SqlError(208, "Invalid object name 'x'."))

    assert client.batch("FAIL") == (
        problem
        + tokens.done(tokens.DONE, failed=True, more=True)
        + tokens.done(tokens.DONE, count=3)
    )


def test_a_batch_that_does_not_parse_leaves_the_session_usable(client: Client) -> None:
    assert client.batch("RAISE").endswith(tokens.done(tokens.DONE, failed=True))
    assert client.batch("SELECT 1").endswith(tokens.done(tokens.DONE, count=1, select=True))


def test_a_changed_database_and_a_message_are_told(client: Client) -> None:
    reply = client.batch("USE other")

    assert tokens.changed_database("master", "other") in reply
    assert tokens.information(0, "hello") in reply


def test_a_transaction_begun_in_sql_is_told_to_the_driver(client: Client) -> None:
    assert client.batch("BEGIN TRAN") == tokens.transaction_begun(7) + tokens.done(tokens.DONE)


@pytest.mark.parametrize("ending", [7, 8])
def test_a_transaction_begun_by_the_driver_has_a_descriptor(
    client: Client, engine: ScriptedEngine, ending: int
) -> None:
    client.send(Kind.TRANSACTION, HEADERS + struct.pack("<HBB", 5, 5, 0))
    begun = client.reply()
    client.send(Kind.TRANSACTION, HEADERS + struct.pack("<HBB", ending, 0, 0))
    ended = client.reply()

    assert begun == tokens.transaction_begun(7) + tokens.done(tokens.DONE)
    assert ended == tokens.transaction_ended(7, committed=ending == 7) + tokens.done(tokens.DONE)
    assert engine.session is not None
    assert ("begin SNAPSHOT", ()) in engine.session.heard


def test_an_attention_ends_what_runs_and_the_session_goes_on(client: Client) -> None:
    client.send(Kind.BATCH, HEADERS + "WAIT".encode("utf-16-le"))
    client.send(Kind.ATTENTION, b"")

    assert client.reply() == (
        tokens.done(tokens.DONE, failed=True, more=True) + tokens.done(tokens.DONE, attention=True)
    )
    assert client.batch("SELECT 1").endswith(tokens.done(tokens.DONE, count=1, select=True))


def test_an_attention_that_comes_too_late_is_acknowledged(client: Client) -> None:
    client.send(Kind.ATTENTION, b"")

    assert client.reply() == tokens.done(tokens.DONE, attention=True)


def test_a_session_that_is_dropped_ends_without_an_answer(client: Client) -> None:
    assert client.batch("DROP ME") == b""


def test_a_pooled_connection_is_reset_before_its_next_use(
    client: Client, engine: ScriptedEngine
) -> None:
    reply = client.batch("SELECT 1", status=0x09)

    assert reply.startswith(tokens.reset_acknowledged())
    assert engine.session is not None
    assert [("reset", ()), ("SELECT 1", ())] == engine.session.heard


def test_a_prepared_statement_runs_by_its_handle_until_it_is_unprepared(
    client: Client, engine: ScriptedEngine
) -> None:
    text = (nvarchar("@P1 int"), nvarchar("SELECT @P1"))
    prepared = client.call(numbered(13, integer(None, output=True), *text, integer(5)))
    client.call(numbered(12, integer(1), integer(6)), numbered(12, integer(1), integer(7)))
    client.call(numbered(15, integer(1)))
    gone = client.call(numbered(12, integer(1), integer(8)))

    handle = Parameter("@handle", INT, 1, output=True)
    assert tokens.return_value(0, handle) in prepared
    assert engine.session is not None
    assert engine.session.heard == [
        ("SELECT @P1", (Parameter("@P1", INT, value),)) for value in (5, 6, 7)
    ]
    assert struct.pack("<i", 8179) in gone


def test_parameters_of_sp_executesql_take_the_type_that_is_declared(
    client: Client, engine: ScriptedEngine
) -> None:
    declared = nvarchar("@P1 varchar(3), @P2 bigint")
    client.call(numbered(10, nvarchar("SELECT 1"), declared, nvarchar("Жabcd"), integer(2)))

    assert engine.session is not None
    assert engine.session.heard[0][1] == (
        Parameter("@P1", SqlType("varchar", 3), "?ab"),
        Parameter("@P2", SqlType("bigint"), 2),
    )


def test_a_parameter_that_is_missing_is_8178(client: Client) -> None:
    reply = client.call(numbered(10, nvarchar("SELECT @P1"), nvarchar("@P1 int")))

    assert struct.pack("<i", 8178) in reply
    assert reply.endswith(tokens.done(tokens.DONE_PROCEDURE, failed=True))


def test_other_procedures_go_to_the_engine_and_return_what_it_says(client: Client) -> None:
    reply = client.call(named("standin.slow", integer(50)))

    assert reply == (
        tokens.return_status(3)
        + tokens.return_value(0, Parameter("@out", INT, 5, output=True))
        + tokens.done(tokens.DONE_PROCEDURE)
    )


def test_what_a_driver_asks_about_parameters_comes_from_the_engine(client: Client) -> None:
    reply = client.call(
        named("sp_describe_undeclared_parameters", nvarchar("SELECT @P1"), nvarchar(""))
    )

    assert "nvarchar(500)".encode("utf-16-le") in reply


def test_a_procedure_called_by_odbcs_escape_runs_again_by_its_handle(
    client: Client, engine: ScriptedEngine
) -> None:
    client.call(numbered(14, integer(None, output=True), nvarchar("standin.slow"), integer(50)))
    client.call(numbered(12, integer(1), integer(60)))

    assert engine.session is not None
    assert [("standin.slow", 50), ("standin.slow", 60)] == [
        (name, given[0].value) for name, given in engine.session.heard
    ]


def test_a_server_cursor_is_refused_by_name(client: Client) -> None:
    assert "sp_cursoropen".encode("utf-16-le") in client.call(numbered(2, integer(None)))


@pytest.mark.parametrize("seed", range(20))
def test_noise_ends_its_own_connection_and_no_other(
    connect: Callable[[], Client], client: Client, seed: int
) -> None:
    noise = random.Random(seed)
    noisy = connect()
    if seed % 2:
        noisy.log_in()
    kind = noise.choice([Kind.BATCH, Kind.RPC, Kind.TRANSACTION, Kind.LOGIN, Kind.PRELOGIN])
    noisy.send(kind, noise.randbytes(noise.randrange(200)))
    noisy.end.shutdown(socket.SHUT_WR)
    while noisy.reply():
        pass

    assert client.batch("SELECT 1").endswith(tokens.done(tokens.DONE, count=1, select=True))
