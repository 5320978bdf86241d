"""Records for tests: each call gives one that is right, but for what the caller asks."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from schemas.records import UnifiedEntry

A_DAY = date(2022, 1, 18)
A_MOMENT = datetime(2022, 1, 18, 12, 0, 0, 250000, tzinfo=UTC)


def a_unified_entry(**changes: Any) -> UnifiedEntry:
    entry = UnifiedEntry(
        center_id="center_01",
        center_name="Zahnarztpraxis München",
        date=A_DAY,
        entry_id=1,
        patient_id=1,
        insurance_status="GKV",
        insurance_name="AOK Bayern",
        chart_entry="Füllung 16",
        service_codes=("01", "1040"),
        revision=0,
        captured_at=A_MOMENT,
    )
    return replace(entry, **changes)
