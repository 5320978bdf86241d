"""One client from its first packet to its last: prelogin, login, then message by message."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator

from deploy.local.sqlserver import login, tokens
from deploy.local.sqlserver.errors import Cancelled, ConnectionDropped, SqlError, Unsupported
from deploy.local.sqlserver.login import Encryption
from deploy.local.sqlserver.parameters import calls
from deploy.local.sqlserver.procedures import Procedures
from deploy.local.sqlserver.reader import Reader
from deploy.local.sqlserver.reply import Reply
from deploy.local.sqlserver.results import Engine, EngineSession, Event, Failure
from deploy.local.sqlserver.wire import Disconnected, Kind, Malformed, Message, Stream

__all__ = ["serve"]

log = logging.getLogger(__name__)

_LONGEST_LOGIN = 1 << 17
_SECONDS_TO_LOG_IN = 30.0
_LONGEST_MESSAGE = 1 << 28
_ISOLATION = {
    0: None,
    1: "READ UNCOMMITTED",
    2: "READ COMMITTED",
    3: "REPEATABLE READ",
    4: "SERIALIZABLE",
    5: "SNAPSHOT",
}
_BEGIN, _COMMIT, _ROLLBACK, _SAVE = 5, 7, 8, 9


def serve(stream: Stream, engine: Engine, certificate: ssl.SSLContext | None) -> None:
    """Serve one client until it leaves; whatever it sends, only its own connection ends."""
    try:
        session = _log_in(stream, engine, certificate)
        if session is None:
            return
        try:
            _Conversation(stream, session).run()
        finally:
            session.close()
    except (Disconnected, ConnectionDropped):
        log.debug("a client left")
    except Malformed as reason:
        log.warning("connection ended: %s", reason)


def _log_in(
    stream: Stream, engine: Engine, certificate: ssl.SSLContext | None
) -> EngineSession | None:
    """Return the session, or None after telling the client why there is none."""
    stream.wait_at_most(_SECONDS_TO_LOG_IN)
    message = stream.receive(_LONGEST_LOGIN)
    if message.kind is Kind.PRELOGIN:
        wanted = login.encryption_wanted(message.data)
        if certificate is None or wanted is Encryption.NOT_SUPPORTED:
            offered = Encryption.NOT_SUPPORTED
        else:
            offered = Encryption.OFF if wanted is Encryption.OFF else Encryption.ON
        stream.write(login.prelogin_reply(offered))
        stream.finish()
        if certificate is not None and offered is not Encryption.NOT_SUPPORTED:
            stream.handshake(certificate)
        message = stream.receive(_LONGEST_LOGIN)
        if offered is Encryption.OFF:
            stream.end_tls()
    if message.kind is not Kind.LOGIN:
        raise Malformed(f"a login was expected, a {message.kind.name} came")
    asked = login.read(message.data)
    stream.wait_at_most(None)
    try:
        session = engine.open(asked.user, asked.password, asked.database, stream.attention_waiting)
    except SqlError as problem:
        _refuse(stream, asked.user, problem)
        return None
    for token in (
        tokens.changed_database("master", session.database),
        tokens.changed_collation(),
        tokens.changed_language(),
        tokens.login_acknowledged(asked.tds_version, login.SERVER_VERSION),
        tokens.changed_packet_size(4096, asked.packet_size),
        tokens.done(tokens.DONE),
    ):
        stream.write(token)
    stream.finish()
    stream.packet_size = asked.packet_size
    return session


def _refuse(stream: Stream, user: str, problem: SqlError) -> None:
    stream.write(tokens.error(problem))
    if problem.number == 4060:
        failed = SqlError(18456, f"Login failed for user '{user}'.", severity=14)
        stream.write(tokens.error(failed))
    stream.write(tokens.done(tokens.DONE, failed=True))
    stream.finish()


class _Conversation:
    """What follows the login."""

    def __init__(self, stream: Stream, session: EngineSession) -> None:
        self._stream = stream
        self._session = session
        self._procedures = Procedures(session)

    def run(self) -> None:
        while True:
            message = self._stream.receive(_LONGEST_MESSAGE)
            if message.kind is Kind.ATTENTION:
                self._stream.write(tokens.done(tokens.DONE, attention=True))
                self._stream.finish()
                continue
            if message.reset:
                self._reset()
            reply = Reply(self._stream, self._session)
            try:
                self._answer(message, reply)
            except Cancelled:
                self._acknowledge_attention(reply)
                continue
            except ConnectionDropped:
                self._stream.flush()
                raise
            reply.end()

    def _answer(self, message: Message, reply: Reply) -> None:
        if message.kind is Kind.BATCH:
            reader = Reader(message.data)
            reader.skip_headers()
            sql = reader.text(reader.remaining // 2)
            reply.batch(self._procedures.batch(sql), rolls_back="rollback" in sql.lower())
        elif message.kind is Kind.RPC:
            try:
                found = calls(message.data)
            except SqlError as problem:
                reply.batch(_failing(problem))
                return
            for call in found:
                try:
                    events = self._procedures.run(call)
                except SqlError as problem:
                    events = _failing(problem)
                reply.procedure(events)
        elif message.kind is Kind.TRANSACTION:
            reader = Reader(message.data)
            reader.skip_headers()
            request = reader.u16()
            events = self._transaction(request, reader)
            reply.batch(events, rolls_back=request == _ROLLBACK)
        elif message.kind is Kind.BULK_LOAD:
            reply.batch(_failing(Unsupported("bulk load (INSERT BULK)")))
        else:
            raise Malformed(f"a {message.kind.name} after the login")

    def _transaction(self, request: int, reader: Reader) -> Iterator[Event]:
        """Do what a transaction-manager request asks; the reply tells of the descriptor."""
        if request == _BEGIN:
            self._begin(reader)
        elif request in {_COMMIT, _ROLLBACK}:
            name = _name(reader)
            if request == _COMMIT:
                self._session.commit()
            elif name:
                yield from self._session.run(f"ROLLBACK TRANSACTION [{name.replace(']', ']]')}]")
            else:
                self._session.rollback()
            if reader.remaining and reader.u8() & 1:
                self._begin(reader)
        elif request == _SAVE:
            self._session.save(_name(reader))
        else:
            raise Unsupported(f"transaction-manager request {request}")

    def _begin(self, reader: Reader) -> None:
        level = reader.u8()
        if level not in _ISOLATION:
            raise Malformed(f"isolation level {level}")
        self._session.begin(_ISOLATION[level])

    def _reset(self) -> None:
        before = self._session.database
        self._session.reset()
        self._procedures.forget()
        self._stream.write(tokens.reset_acknowledged())
        if self._session.database != before:
            self._stream.write(tokens.changed_database(before, self._session.database))

    def _acknowledge_attention(self, reply: Reply) -> None:
        message = self._stream.receive(_LONGEST_MESSAGE)
        if message.kind is not Kind.ATTENTION:
            raise Malformed(f"a {message.kind.name} while a statement ran")
        reply.cancelled()


def _name(reader: Reader) -> str:
    size = reader.u8() if reader.remaining else 0
    return reader.text(size // 2)


def _failing(problem: SqlError) -> Iterator[Event]:
    yield Failure(problem)
