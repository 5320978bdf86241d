"""Conversions to dates and times."""

from __future__ import annotations

from datetime import date
from typing import Any

from deploy.local.sqlserver import temporal
from deploy.local.sqlserver.conversions.limits import Convert
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import TEMPORAL, TEXT


def to_temporal(source: SqlType, target: SqlType, style: int | None) -> Convert:
    if source.name in TEXT:
        return lambda value: temporal.from_text(value, target, style or 0)
    if source.name in TEMPORAL:
        return lambda value: temporal.between(value, source, target)
    days = date(1900, 1, 1).toordinal()

    def from_number(value: Any) -> str:
        whole_days, rest = divmod(float(value), 1)
        day = date.fromordinal(days + int(whole_days)).isoformat()
        return temporal.rounded(day, round(rest * 864_000_000_000), target)

    return from_number
