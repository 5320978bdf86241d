"""One look at everything, by the functions that `chartfeed status` and `days` are made of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from chartfeed import status, stream_group
from chartfeed.console.live import Read
from chartfeed.console.progress import Applications
from chartfeed.standing import Approved
from producers.capture.overview import Overview
from schemas.errors import ChartfeedError
from stream_app.files import day as files
from stream_app.files.months import open_daily

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from chartfeed.settings import Center, Settings

__all__ = ["Reader"]

# How much of the past a console that starts reads, so that its charts are not empty.
PAST_SECONDS: Final = 3600.0
# Files change at most every second, and may be far away.
FILES_SECONDS: Final = 5.0


class Reader:
    """Asks the topics and today's manifest; for one thread."""

    def __init__(self, settings: Settings, zone: ZoneInfo) -> None:
        """Reach nothing yet."""
        kafka, partitions = settings.kafka.client, settings.kafka.topics.partitions
        registry = settings.registry.client()
        self._settings = settings
        self._zone = zone
        names = [center.id for center in settings.centers]
        self._overview = Overview(kafka, partitions, registry.schema, names)
        since = time.time() - PAST_SECONDS
        self._applications = Applications(kafka, partitions, registry.schema, since)
        # Asked every second, so the files are read only when they have changed.
        self._approved = {center.id: Approved(settings, center) for center in settings.centers}
        self._is_open = False
        self._today: date | None = None
        self._rows: Mapping[str, int] | None = None
        self._rows_at = -FILES_SECONDS

    def __call__(self) -> Read:
        if not self._is_open:
            self._overview.__enter__()
            self._is_open = True
        known = self._overview.read()
        views = status.views(self._settings, self._settings.centers, known, self._problem)
        stream = stream_group.look(self._settings.kafka.client)
        self._look_at_files()
        applied = tuple(self._applications.look())
        return Read(tuple(views), known, stream, applied, self._today, self._rows)

    def close(self) -> None:
        self._overview.__exit__()
        self._applications.close()

    def _problem(self, center: Center) -> ChartfeedError | None:
        try:
            self._approved[center.id]()
        except ChartfeedError as error:
            return error
        return None

    def _look_at_files(self) -> None:
        now = time.monotonic()
        if now < self._rows_at + FILES_SECONDS:
            return
        self._rows_at = now
        self._today = datetime.now(self._zone).date()
        place, by_month = self._settings.output_path, self._settings.output.by_month
        try:
            manifest = files.read_manifest(open_daily(place, by_month=by_month), self._today)
        except ChartfeedError:
            # The page of the day says what is wrong with its files; here a number is missing.
            self._rows = None
            return
        lines = () if manifest is None else manifest.centers
        self._rows = {line.center_id: line.record_count for line in lines}
