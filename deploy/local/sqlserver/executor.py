"""A batch run statement by statement, with the events each one gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import apsw

from deploy.local.sqlserver import failures, plans, stored_procedures, undeclared
from deploy.local.sqlserver.errors import Cancelled, SqlError, Unsupported
from deploy.local.sqlserver.execution import HANDLERS
from deploy.local.sqlserver.execution.control import BatchOver
from deploy.local.sqlserver.frame import Frame
from deploy.local.sqlserver.plans import Plan
from deploy.local.sqlserver.rendering.scalars import keep
from deploy.local.sqlserver.results import Event, Failure, Parameter, Returned, SqlType
from deploy.local.sqlserver.translation import batch, statements, syntax
from deploy.local.sqlserver.translation.statements import Statement

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session

# Longer texts are full of values and hardly ever come again.
_LONGEST_KEPT = 20_000
_KEEPS_ERROR = frozenset((statements.If, statements.Block, statements.While, statements.TryCatch))


class Executor:
    def __init__(self, session: Session, frame: Frame) -> None:
        self.session = session
        self.frame = frame
        self.signature = frame.signature()
        self.cached = True

    def within(self, frame: Frame) -> Executor:
        """Return an executor of the same session for a batch within this one."""
        return Executor(self.session, frame)

    def run(self, sql: str, parameters: Sequence[Parameter]) -> Iterator[Event]:
        session = self.session
        self.cached = len(sql) <= _LONGEST_KEPT
        try:
            parsed = batch.parse(sql) if self.cached else batch.parsed(sql)
            for statement in parsed:
                yield from self.statement(statement)
        except BatchOver:
            pass
        except SqlError as error:
            session.error = error.number
            yield Failure(error)
        except (Cancelled, GeneratorExit):
            self._interrupted()
            raise
        finally:
            session.work.rest()
        outputs = [parameter for parameter in parameters if parameter.output]
        if outputs:
            yield Returned(0, tuple(self._output(parameter) for parameter in outputs))

    def _output(self, parameter: Parameter) -> Parameter:
        value = self.frame.shown(parameter.name.lower())
        return Parameter(parameter.name, parameter.type, value, output=True)

    def _interrupted(self) -> None:
        """Undo a cancelled statement; its transaction stays, unless XACT_ABORT is on."""
        session = self.session
        # SQLite takes the whole transaction back with a write that is interrupted in it.
        lost = session.work.writing and not session.db.in_transaction
        if not session.trancount:
            session.undo()
        elif session.xact_abort or lost:
            session.rollback()

    def statement(self, node: Statement) -> Iterator[Event]:
        """Run one statement; its failure is an event, and may end the batch."""
        handler = HANDLERS.get(type(node))
        if handler is None:
            raise Unsupported(f"the statement {type(node).__name__}")
        session = self.session
        self.frame.moment = None
        try:
            yield from handler(self, node)
            if type(node) not in _KEEPS_ERROR:
                session.error = 0
        except SqlError as error:
            yield from self._failed(error)
        except apsw.InterruptError:
            session.check()
            raise

    def _failed(self, error: SqlError) -> Iterator[Event]:
        session = self.session
        session.error = error.number
        if self.frame.catching and failures.can_be_caught(error):
            if session.trancount and failures.dooms(error, xact_abort=session.xact_abort):
                session.doomed = True
            raise error
        if session.trancount and failures.ends_transaction(error, xact_abort=session.xact_abort):
            session.rollback()
        elif not session.trancount and session.work.active:
            session.undo()
        yield Failure(error)
        if failures.ends_batch(error, xact_abort=session.xact_abort):
            raise BatchOver

    def planned(self, node: Any, make: Callable[[Any], Plan], *more: object) -> Plan:
        """Return the plan of a statement as the database is defined now."""
        session = self.session
        known = session.definitions
        types = self.frame.types

        def build() -> tuple[Any, Plan]:
            return node, make(plans.renderer(known, types, session))

        if session.uncommitted is not None or not self.cached:
            return build()[1]
        key = (id(node), known.serial, self.signature, *more)
        found: Plan = session.place.plan(key, build)[1]
        return found

    def before_reading(self, plan: Plan) -> None:
        """See to what a statement needs before it reads: rights, its transaction, its snapshot."""
        session = self.session
        session.require(plan.needed)
        session.work.resume(session.waited)
        if plan.read_data and session.isolation == "SNAPSHOT":
            self.require_snapshots()
            if session.trancount:
                session.work.read()

    def require_snapshots(self) -> None:
        session = self.session
        if not session.place.snapshot_isolation and session.place is not (
            session.instance.master_database
        ):
            raise SqlError(
                3952,
                "Snapshot isolation transaction failed accessing database "
                f"'{session.database}' because snapshot isolation is not allowed in this "
                "database. Use ALTER DATABASE to allow snapshot isolation.",
            )

    def one_row(self, plan: Plan) -> tuple[Any, ...]:
        self.before_reading(plan)
        row = self.session.db.execute(plan.sql, plan.values(self.frame)).fetchone()
        return row if row is not None else (None,)

    def value(self, node: syntax.Expression, type_: SqlType | None = None) -> Any:
        """Return the value of an expression as it is kept."""
        plan = self.planned(node, lambda render: plans.of_value(render, node, type_), type_)
        return self.one_row(plan)[0]

    def condition(self, node: syntax.Expression) -> bool:
        plan = self.planned(node, lambda render: plans.of_condition(render, node), "condition")
        return bool(self.one_row(plan)[0])

    def text_value(self, node: syntax.Expression) -> str:
        value = self.value(node, SqlType("nvarchar", length=-1))
        return "" if value is None else str(value)

    def nested(self, sql: str) -> Iterator[Event]:
        """Run a batch within a batch: its end is not the outer one's."""
        try:
            for statement in batch.parse(sql):
                yield from self.statement(statement)
        except BatchOver:
            pass

    def call(self, procedure: str, parameters: Sequence[Parameter]) -> Iterator[Event]:
        """Run a procedure that came by its name; values are kept as a batch would keep them."""
        session = self.session
        kept = [
            Parameter(each.name, each.type, keep(each.value, each.type), each.output)
            for each in parameters
        ]
        try:
            yield from stored_procedures.run(session, procedure.lower(), kept)
        except SqlError as error:
            session.error = error.number
            yield Failure(error)
        finally:
            session.work.rest()

    def undeclared(self, sql: str) -> tuple[Parameter, ...]:
        """Return the types that the driver asks for."""
        session = self.session
        return undeclared.of(
            sql, self.frame.types, session.definitions, session, session.identity_insert
        )
