"""From the configuration to a center: its database, and the mapping it is read through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from producers import approval, connection, mapping_file
from producers.errors import Unapproved

if TYPE_CHECKING:
    from chartfeed.settings import Center, Settings
    from producers.mapping import Mapping

__all__ = ["approved_mapping", "of", "require_approval"]


def of(settings: Settings, center: Center) -> connection.Settings:
    """Give where a center's database is and how to log in."""
    server = settings.sqlserver
    return connection.Settings(
        center=center.id,
        server=center.server,
        database=center.database,
        user=center.user or server.user,
        secret=settings.password(center),
        driver=center.driver or server.driver,
        encrypt=server.encrypt,
        trust_server_certificate=server.trust_server_certificate,
    )


def approved_mapping(settings: Settings, center: Center) -> Mapping:
    """Give a center's mapping, or raise unless it was approved for this very database."""
    path = mapping_file.path_of(settings.mappings, center.id)
    mapping = mapping_file.load(path, center=center.id)
    require_approval(settings, center, mapping)
    return mapping


def require_approval(settings: Settings, center: Center, mapping: Mapping) -> None:
    """Raise unless exactly this mapping was approved last, and for the center's database."""
    approval.require_logged(settings.mappings, mapping)
    if mapping.database.casefold() != center.database.casefold():
        raise Unapproved(
            f"{center.id}: the mapping was approved for the database {mapping.database}, "
            f"and {settings.centers_path} names {center.database}",
            hint=f"chartfeed discover {center.id} --again",
            center=center.id,
        )
