"""What a user of a database was granted and denied, read once and asked often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import apsw

# What a right on the database as a whole lets one do with each object.
_IMPLIED = {"SELECT": ("CONTROL",), "INSERT": ("CONTROL",), "UPDATE": ("CONTROL",)}
_ROLES = {
    "db_datareader": frozenset(("SELECT",)),
    "db_datawriter": frozenset(("INSERT", "UPDATE", "DELETE")),
    "db_ddladmin": frozenset(("ALTER", "CREATE TABLE", "CREATE SCHEMA")),
}
_DATABASE = ("DATABASE", 0)


@dataclass(frozen=True, slots=True)
class Granted:
    """`by_place` tells of each right there whether it is denied; places are scope and target."""

    owner: bool
    by_role: frozenset[str]
    by_place: Mapping[tuple[str, int], Mapping[str, bool]]

    def covers(self, right: str, object_id: int | None, schema_id: int | None) -> bool:
        """Whether it allows a right on an object, a schema or the database; DENY prevails."""
        if self.owner:
            return True
        allowed = right in self.by_role
        wanted = (right, *_IMPLIED.get(right, ("CONTROL",)))
        for place in (_DATABASE, ("OBJECT", object_id), ("SCHEMA", schema_id)):
            rights = self.by_place.get(place)  # type: ignore[arg-type]  # None is no target
            if rights is None:
                continue
            for one in wanted:
                denied = rights.get(one)
                if denied:
                    return False
                allowed = allowed or denied is False
        return allowed


def load(db: apsw.Connection, user: str) -> Granted:
    """Return what a user has by itself, by its roles and as everybody."""
    roles = [row[0] for row in db.execute("SELECT role FROM meta_roles WHERE member = ?", (user,))]
    principals = [user, *roles, "public"]
    rows = db.execute(
        "SELECT right, scope, target, denied FROM meta_rights WHERE user IN "
        f"({', '.join('?' * len(principals))})",
        principals,
    )
    by_place: dict[tuple[str, int], dict[str, bool]] = {}
    for right, scope, target, denied in rows:
        rights = by_place.setdefault(_DATABASE if scope == "DATABASE" else (scope, target), {})
        rights[right] = rights.get(right, False) or bool(denied)
    known = [role.lower() for role in roles]
    by_role = frozenset(right for role in known for right in _ROLES.get(role, ()))
    return Granted("db_owner" in known, by_role, by_place)
