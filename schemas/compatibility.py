"""BACKWARD compatibility, found out without a registry.

A new schema is compatible when a reader that has it can read everything written with the old
one: the rule that the registry enforces, so that consumers may be updated before producers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.avro import Json

__all__ = ["breaks"]

# What a reader may take for what a writer wrote, beside the same type.
PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
NAMED: Final = frozenset({"record", "enum", "fixed"})


def breaks(old: Json, new: Json) -> list[str]:
    """Say what a reader with the new schema could not read of the old one's; empty is good."""
    return list(_breaks(old, new, "value"))


def _breaks(old: Json, new: Json, where: str) -> Iterator[str]:
    if isinstance(old, list):
        # Any branch may have been written, so every one must be readable.
        for branch in old:
            yield from _breaks(branch, new, where)
    elif isinstance(new, list):
        if all(list(_breaks(old, branch, where)) for branch in new):
            yield f"{where}: {_name(old)} was written, but none of {_names(new)} reads it"
    else:
        yield from _of_one_type(old, new, where)


def _of_one_type(old: Json, new: Json, where: str) -> Iterator[str]:
    old_kind, new_kind = _kind(old), _kind(new)
    if old_kind != new_kind:
        if new_kind not in PROMOTIONS.get(old_kind, frozenset()):
            yield f"{where}: {old_kind} was written, {new_kind} can't read it"
    elif old_kind in NAMED and old["name"] != new["name"]:
        yield f"{where}: {old['name']} was renamed to {new['name']}"
    elif old_kind == "record":
        yield from _of_records(old, new, where)
    elif old_kind == "array":
        yield from _breaks(old["items"], new["items"], f"{where}[]")
    elif old_kind == "map":
        yield from _breaks(old["values"], new["values"], f"{where}{{}}")
    if _meaning(old) != _meaning(new):
        yield f"{where}: {_meaning(old)} became {_meaning(new)}"


def _of_records(old: Json, new: Json, where: str) -> Iterator[str]:
    written = {field["name"]: field for field in old["fields"]}
    for field in new["fields"]:
        name = field["name"]
        if name in written:
            yield from _breaks(written[name]["type"], field["type"], f"{where}.{name}")
        elif "default" not in field:
            yield f"{where}.{name}: a new field needs a default"


def _kind(schema: Json) -> str:
    return schema["type"] if isinstance(schema, dict) else str(schema)


def _meaning(schema: Json) -> str:
    """Give the logical type, which changes what a number means though it can be read."""
    return str(schema.get("logicalType", "plain")) if isinstance(schema, dict) else "plain"


def _name(schema: Json) -> str:
    return str(schema.get("name", _kind(schema))) if isinstance(schema, dict) else str(schema)


def _names(branches: list[Json]) -> str:
    return ", ".join(_name(branch) for branch in branches)
