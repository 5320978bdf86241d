"""The variables of a running batch, and the values that the session answers for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deploy.local.sqlserver import boundary, temporal
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.scalars import keep
from deploy.local.sqlserver.results import Parameter, SqlType

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session

VERSION = (
    "Microsoft SQL Server 2022 (RTM) - 16.0.1000.6 (X64) \n\tchartfeed stand-in on SQLite, "
    "which is not Microsoft's product"
)


# Drivers still send long values by their old names.
_LARGE = {
    "text": SqlType("varchar", length=-1),
    "ntext": SqlType("nvarchar", length=-1),
    "image": SqlType("varbinary", length=-1),
}


class Frame:
    """One batch: its variables as they are kept, their types, and the error being handled."""

    __slots__ = ("catching", "caught", "moment", "session", "types", "variables")

    def __init__(self, session: Session, parameters: Sequence[Parameter] = ()) -> None:
        self.session = session
        self.variables: dict[str, Any] = {}
        self.types: dict[str, SqlType] = {}
        self.caught: SqlError | None = None
        self.catching = 0
        self.moment: datetime | None = None
        for parameter in parameters:
            name = parameter.name.lower()
            self.types[name] = _LARGE.get(parameter.type.name, parameter.type)
            self.variables[name] = keep(parameter.value, parameter.type)

    def signature(self) -> tuple[object, ...]:
        """Return what tells apart the plans of one text: the names and types of its variables."""
        return tuple(
            (name, type_.name, type_.length, type_.precision, type_.scale)
            for name, type_ in self.types.items()
        )

    def declare(self, name: str, type_: SqlType) -> None:
        self.types[name] = type_
        self.variables[name] = None

    def shown(self, name: str) -> object:
        """Return a variable's value as Python has it."""
        value = self.variables[name]
        show = boundary.shower(self.types[name])
        return value if value is None or show is None else show(value)

    def system(self, name: str) -> Any:
        moment = _MOMENTS.get(name)
        if moment is not None:
            if self.moment is None:
                self.moment = datetime.fromtimestamp(time.time(), UTC)
            return moment(self.moment)
        error = _ERRORS.get(name)
        if error is not None:
            return None if self.caught is None else error(self.caught)
        return self.session.system(name)


_DATETIME = SqlType("datetime")


def _datetime(moment: datetime) -> str:
    text = temporal.moment_text(moment)
    return temporal.rounded(text[:10], temporal.ticks_of(text[11:]), _DATETIME)


_MOMENTS: dict[str, Callable[[datetime], str]] = {
    "GETDATE": lambda moment: _datetime(moment.astimezone()),
    "CURRENT_TIMESTAMP": lambda moment: _datetime(moment.astimezone()),
    "GETUTCDATE": _datetime,
    "SYSDATETIME": lambda moment: temporal.moment_text(moment.astimezone()),
    "SYSUTCDATETIME": temporal.moment_text,
    "SYSDATETIMEOFFSET": lambda moment: temporal.offset_text(moment.astimezone()),
}
_ERRORS: dict[str, Callable[[SqlError], object]] = {
    "ERROR_NUMBER": lambda error: error.number,
    "ERROR_MESSAGE": lambda error: error.message,
    "ERROR_SEVERITY": lambda error: error.severity,
    "ERROR_STATE": lambda error: error.state,
    "ERROR_LINE": lambda _: 1,
    "ERROR_PROCEDURE": lambda _: None,
}
