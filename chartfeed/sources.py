"""From the configuration to a center's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from producers import connection

if TYPE_CHECKING:
    from chartfeed.settings import Center, Settings

__all__ = ["of"]


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
