"""A reply in the making: the engine's events become tokens, in the order the protocol wants."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from deploy.local.sqlserver import tokens
from deploy.local.sqlserver.errors import Cancelled, SqlError
from deploy.local.sqlserver.results import (
    Columns,
    DatabaseChanged,
    Done,
    EngineSession,
    Event,
    Failure,
    Info,
    Parameter,
    Returned,
    Rows,
)
from deploy.local.sqlserver.rows import Encoder, encoder
from deploy.local.sqlserver.wire import Stream

__all__ = ["Reply"]

_ROWS_AT_ONCE = 500


class Reply:
    """The answer to one message; `end` or `cancelled` closes it."""

    def __init__(self, stream: Stream, session: EngineSession) -> None:
        self._stream = stream
        self._session = session
        self._transaction = session.transaction
        # A DONE token tells whether more follows, so the last one waits here.
        self._waiting: tuple[int, int | None, bool, bool] | None = None
        self._encode: Encoder | None = None
        self._rolls_back = False

    def batch(self, events: Iterator[Event], *, rolls_back: bool = False) -> None:
        """Write what a batch of statements yields.

        A transaction that ends in it is told as committed, unless a statement failed or the
        caller knows of a rollback; drivers treat both alike.
        """
        self._rolls_back = rolls_back
        _, _, failed = self._statements(events, tokens.DONE)
        self._compare_transactions(committed=not failed)
        if self._waiting is None:
            self._done(tokens.DONE)

    def procedure(self, events: Iterator[Event]) -> None:
        """Write what a procedure yields: its statements, its status, its output parameters."""
        status, values, failed = self._statements(events, tokens.DONE_IN_PROCEDURE)
        self._release(more=True)
        self._compare_transactions(committed=not failed)
        self._stream.write(tokens.return_status(status))
        for ordinal, parameter in enumerate(values):
            self._stream.write(tokens.return_value(ordinal, parameter))
        self._done(tokens.DONE_PROCEDURE, failed=failed)

    def end(self) -> None:
        """Send the reply to its end."""
        self._release(more=False)
        self._stream.finish()

    def cancelled(self) -> None:
        """End the reply the way an attention is answered."""
        self._waiting = None
        self._compare_transactions(committed=False)
        self._stream.write(tokens.done(tokens.DONE, more=True, failed=True))
        self._stream.write(tokens.done(tokens.DONE, attention=True))
        self._stream.finish()

    def _statements(self, events: Iterator[Event], token: int) -> tuple[int, list[Parameter], bool]:
        """Write the events; return status, output parameters and whether something failed."""
        status = 0
        values: list[Parameter] = []
        failed = False
        while True:
            event: Event | None = None
            try:
                event = next(events, None)
                if event is None:
                    break
                if isinstance(event, Rows):
                    self._rows(event)
                elif isinstance(event, Returned):
                    status = event.status
                    values.extend(event.values)
                elif isinstance(event, Failure):
                    failed = True
                    self._failure(event.error, token)
                else:
                    self._event(event, token)
            except SqlError as problem:
                failed = True
                self._failure(problem, token)
                if event is None:
                    break
            except Cancelled:
                if isinstance(events, Generator):
                    events.close()
                raise
        return status, values, failed

    def _event(self, event: Columns | Done | Info | DatabaseChanged, token: int) -> None:
        if isinstance(event, Done):
            self._compare_transactions(committed=True)
            self._done(token, count=event.count, select=event.is_select)
            return
        self._release(more=True)
        if isinstance(event, Columns):
            self._encode = encoder(tuple(column.type for column in event.columns))
            self._stream.write(tokens.columns(event.columns))
        elif isinstance(event, Info):
            self._stream.write(tokens.information(event.number, event.message))
        else:
            self._stream.write(tokens.changed_database(event.old, event.new))

    def _rows(self, event: Rows) -> None:
        if self._encode is None:
            raise SqlError(50000, "The stand-in yielded rows before their columns.")
        for start in range(0, len(event.rows), _ROWS_AT_ONCE):
            if self._stream.attention_waiting():
                raise Cancelled
            self._stream.write(self._encode(event.rows[start : start + _ROWS_AT_ONCE]))

    def _failure(self, problem: SqlError, token: int) -> None:
        self._release(more=True)
        self._stream.write(tokens.error(problem))
        self._compare_transactions(committed=False)
        self._done(token, failed=True)

    def _done(
        self,
        token: int,
        *,
        count: int | None = None,
        select: bool = False,
        failed: bool = False,
    ) -> None:
        self._release(more=True)
        self._waiting = (token, count, select, failed)

    def _release(self, *, more: bool) -> None:
        if self._waiting is not None:
            token, count, select, failed = self._waiting
            self._waiting = None
            self._stream.write(
                tokens.done(token, count=count, select=select, failed=failed, more=more)
            )

    def _compare_transactions(self, *, committed: bool) -> None:
        """Tell the client when the session's transaction is not the one it was."""
        now = self._session.transaction
        if now == self._transaction:
            return
        self._release(more=True)
        if self._transaction:
            committed = committed and not self._rolls_back
            ended = tokens.transaction_ended(self._transaction, committed=committed)
            self._stream.write(ended)
        if now:
            self._stream.write(tokens.transaction_begun(now))
        self._transaction = now
