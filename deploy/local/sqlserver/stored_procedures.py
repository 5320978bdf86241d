"""The procedures that a database has: sp_rename, and those that steer the stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from deploy.local.sqlserver import definitions, hooks
from deploy.local.sqlserver.catalog.view import PROPERTY
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.results import Event, Info, Parameter, Returned

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def run(session: Session, name: str, given: Sequence[Parameter]) -> Iterator[Event]:
    """Run one of the procedures that the stand-in has; 2812 for one that nobody has."""
    plain = name.replace("[", "").replace("]", "")
    if plain.removeprefix("sys.").removeprefix("dbo.") == "sp_rename":
        yield from _rename(session, given)
        return
    if plain.removeprefix("sys.") in _PROPERTIES:
        yield from _property(session, plain.removeprefix("sys."), given)
        return
    found = hooks.PROCEDURES.get(plain) or hooks.PROCEDURES.get(f"sys.{plain}")
    if found is None:
        if plain.rpartition(".")[2].startswith(("sp_", "xp_")):
            raise Unsupported(f"the procedure {name}")
        raise SqlError(2812, f"Could not find stored procedure '{name}'.", state=62)
    names = hooks.PARAMETERS.get(plain) or hooks.PARAMETERS.get(f"sys.{plain}") or ()
    arguments: dict[str, object] = {}
    for place, parameter in enumerate(given):
        if parameter.name:
            arguments[parameter.name.lower().removeprefix("@")] = parameter.value
        elif place < len(names):
            arguments[names[place]] = parameter.value
        else:
            raise SqlError(8144, f"Procedure or function {name} has too many arguments specified.")
    yield from found(session, arguments)


_PROPERTIES = ("sp_addextendedproperty", "sp_dropextendedproperty")


def _property(session: Session, procedure: str, given: Sequence[Parameter]) -> Iterator[Event]:
    """Note something about the database itself, or take the note away."""
    values = {
        (parameter.name or ("@name", "@value")[place]).lower(): parameter.value
        for place, parameter in enumerate(given)
    }
    name, value = values.pop("@name", None), values.pop("@value", None)
    if values or not name:
        raise Unsupported(f"{procedure} for anything but the database")
    key = f"{PROPERTY}{name}"
    with definitions.changing(session):
        known = session.db.execute("SELECT 1 FROM meta_options WHERE name = ?", (key,)).fetchone()
        adding = procedure == "sp_addextendedproperty"
        if adding and known is not None:
            raise SqlError(
                15233,
                f"Property cannot be added. Property '{name}' already exists for "
                "'object specified'.",
            )
        if not adding and known is None:
            raise SqlError(
                15217,
                "Property cannot be updated or deleted. Property "
                f"'{name}' does not exist for 'object specified'.",
            )
        if adding:
            session.db.execute("INSERT INTO meta_options VALUES (?, ?)", (key, str(value)))
        else:
            session.db.execute("DELETE FROM meta_options WHERE name = ?", (key,))
    yield Returned(0)


def _rename(session: Session, given: Sequence[Parameter]) -> Iterator[Event]:
    names = ("@objname", "@newname", "@objtype")
    values: dict[str, object] = {}
    for place, parameter in enumerate(given):
        values[(parameter.name or names[place]).lower()] = parameter.value
    old, new, kind = (values.get(name) for name in names)
    if not old or not new:
        raise SqlError(201, "Procedure or function 'sp_rename' expects parameter '@newname'.")
    definitions.rename(session, str(old), str(new), None if kind is None else str(kind))
    yield Info(
        15477,
        "Caution: Changing any part of an object name could break scripts and stored procedures.",
    )
    yield Returned(0)
