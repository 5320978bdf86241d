"""The procedures that drivers call: prepared handles, sp_executesql, descriptions of types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deploy.local.sqlserver import binding, descriptions
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.parameters import Call
from deploy.local.sqlserver.results import EngineSession, Event, Parameter, Returned, SqlType
from deploy.local.sqlserver.types import parameters_declared

__all__ = ["Procedures"]

# FreeTDS asks for types in a batch, not by a remote call.
_TYPES_ASKED = re.compile(
    r"\s*(?:EXEC(?:UTE)?\s+)?(?:sys\.)?sp_datatype_info(?:_90|_100)?"
    r"(?:\s+(?:@data_type\s*=\s*)?(?P<wanted>-?\d+)(?:\s*,\s*(?:@ODBCVer\s*=\s*)?\d+)?)?\s*;?\s*",
    re.IGNORECASE,
)
_Prepared = tuple[str, tuple[Parameter, ...]]


class Procedures:
    """One session's prepared statements and the calls that use them."""

    def __init__(self, session: EngineSession) -> None:
        self._session = session
        self._prepared: dict[int, _Prepared] = {}
        self._prepared_calls: dict[int, str] = {}
        self._last = 0

    def forget(self) -> None:
        """Drop all handles (the connection is reset)."""
        self._prepared.clear()
        self._prepared_calls.clear()

    def batch(self, sql: str) -> Iterator[Event]:
        """Yield what a batch yields."""
        asked = _TYPES_ASKED.fullmatch(sql)
        if asked is not None:
            return descriptions.type_information(int(asked["wanted"] or 0))
        return self._session.run(sql)

    def run(self, call: Call) -> Iterator[Event]:  # noqa: PLR0911 - one for each procedure
        """Yield what the call yields."""
        name = call.procedure.lower().removeprefix("sys.").removeprefix("[sys].").strip("[]")
        given = call.parameters
        if name == "sp_executesql":
            return self._run(*_statement(given, 0), given[2:])
        if name == "sp_execute":
            return self._execute(given)
        if name == "sp_prepexec":
            return self._prepare_and_execute(given)
        if name == "sp_prepare":
            return iter([Returned(0, (self._handle(_statement(given, 2, 1)),))])
        if name == "sp_unprepare":
            handle = self._lookup(given)
            self._prepared.pop(handle, None)
            self._prepared_calls.pop(handle, None)
            return iter([Returned(0)])
        if name == "sp_prepexecrpc":
            return self._prepare_call(given)
        if name == "sp_describe_undeclared_parameters":
            sql, declared = _statement(given, 0)
            return descriptions.undeclared(self._session.undeclared_parameters(sql, declared))
        if name in {"sp_datatype_info_100", "sp_datatype_info_90", "sp_datatype_info"}:
            return descriptions.type_information(given[0].value if given else 0)
        if name.startswith("sp_cursor"):
            raise Unsupported(f"server cursors ({name}); use a forward-only, read-only cursor")
        return self._session.call(call.procedure, given)

    def _prepare_and_execute(self, given: Sequence[Parameter]) -> Iterator[Event]:
        statement = _statement(given, 2, 1)
        handle = self._handle(statement)
        yield Returned(0, (handle,))
        yield from self._run(*statement, given[3:])

    def _execute(self, given: tuple[Parameter, ...]) -> Iterator[Event]:
        handle = self._lookup(given)
        if handle in self._prepared_calls:
            return self.run(Call(self._prepared_calls[handle], given[1:]))
        return self._run(*self._prepared[handle], given[1:])

    def _prepare_call(self, given: tuple[Parameter, ...]) -> Iterator[Event]:
        """Run a procedure by its name, and again by the handle that is returned."""
        procedure, _ = _statement(given, 1, len(given))
        self._last += 1
        self._prepared_calls[self._last] = procedure
        yield Returned(0, (_handle(self._last),))
        yield from self.run(Call(procedure, given[2:]))

    def _handle(self, statement: _Prepared) -> Parameter:
        self._last += 1
        self._prepared[self._last] = statement
        return _handle(self._last)

    def _lookup(self, given: Sequence[Parameter]) -> int:
        handle = given[0].value if given else None
        if not isinstance(handle, int) or not (
            handle in self._prepared or handle in self._prepared_calls
        ):
            raise SqlError(8179, f"Could not find prepared statement with handle {handle}.")
        return handle

    def _run(
        self, sql: str, declared: Sequence[Parameter], given: Sequence[Parameter]
    ) -> Iterator[Event]:
        return self._session.run(sql, _bound(sql, declared, given) if declared else ())


def _handle(number: int) -> Parameter:
    return Parameter("@handle", SqlType("int"), number, output=True)


def _statement(given: Sequence[Parameter], sql: int, declared: int | None = None) -> _Prepared:
    """Return statement and declarations, which two of the parameters hold."""
    declared = sql + 1 if declared is None else declared
    text = given[sql].value if len(given) > sql else None
    if not isinstance(text, str):
        raise SqlError(
            214, "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'."
        )
    declarations = given[declared].value if len(given) > declared else None
    return text, parameters_declared(declarations) if isinstance(declarations, str) else ()


def _bound(
    sql: str, declared: Sequence[Parameter], given: Sequence[Parameter]
) -> tuple[Parameter, ...]:
    """Give each declared parameter the value sent for it, by its name or by its place."""
    named = {p.name.lower(): p for p in given if p.name}
    bound: list[Parameter] = []
    for place, parameter in enumerate(declared):
        sent = named.get(parameter.name.lower())
        if sent is None and place < len(given) and not given[place].name:
            sent = given[place]
        if sent is None:
            raise SqlError(
                8178,
                f"The parameterized query '{sql[:60]}' expects the parameter"
                f" '{parameter.name}', which was not supplied.",
            )
        value = binding.converted(parameter.type, sent.value)
        bound.append(Parameter(parameter.name, parameter.type, value, parameter.output))
    return tuple(bound)
