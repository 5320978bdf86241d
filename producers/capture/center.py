"""One center's capture: from one run to the next, with what is told when none is possible."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from producers import approval
from producers.capture import repairs
from producers.capture.errors import Leaving
from producers.capture.readback import Readback
from producers.capture.resync import Trials
from producers.capture.run import Moved, Run
from producers.capture.source import Source
from producers.capture.status import after_commit
from producers.errors import Denied, Drift
from schemas import topics
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    import threading

    import pyodbc

    from producers.capture.job import Job
    from producers.mapping import Mapping

__all__ = ["Center"]


class Center:
    """Captures one center until it is told to stop, or something makes it start over."""

    def __init__(self, job: Job, stop: threading.Event) -> None:
        self._job = job
        self._stop = stop
        self._mapping: Mapping | None = None
        self._has_led = False
        self.last_commit = -math.inf
        self._trials = Trials(job.center_id)

    def has_news(self) -> bool:
        """Tell whether the mapping or its approval is another one than in the last run."""
        try:
            return self._job.mapping() is not self._mapping
        except ChartfeedError:
            return self._mapping is not None

    def run(self, *, once: bool = False) -> None:
        """Capture until told to stop; with `once`, up to where the source stands now.

        Raises what ends it. After any of it, running again goes on from the last commit.
        """
        self._mapping = None
        self._mapping = mapping = self._job.mapping()
        mapping.require_approval()
        with closing(self._job.connect()) as connection:
            try:
                self._run(mapping, connection, once=once)
            except Denied as error:
                if repairs.lacks_a_right(error):
                    error.hint = repairs.rights(mapping, repairs.login_of(connection))
                raise

    def _run(self, mapping: Mapping, connection: pyodbc.Connection, *, once: bool) -> None:
        try:
            # Invariant 1: nothing is read without an approved mapping that fits the schema.
            approval.require_fit(connection, mapping)
        except Drift:
            self._tell_what_is_left(Source(connection, mapping))
            raise
        with closing(Run(self._job, mapping, connection, self._stop, self._trials)) as run:
            try:
                run.capture(once=once, again=self._has_led)
            except (Leaving, Moved):
                return
            except Drift:
                # The difference says more than the name that the statement stumbled on.
                approval.require_fit(connection, mapping)
                raise
            finally:
                self._has_led = self._has_led or run.leads
                self.last_commit = max(self.last_commit, run.last_commit)

    def _tell_what_is_left(self, source: Source) -> None:
        """Tell where the center stands and until when, though nothing is read of it now."""
        contract = self._job.contract
        partition = topics.partition_of_center(self._job.center_id, contract.partitions)
        key = self._job.center_id.encode()
        value = Readback(contract.kafka, partition).last(topics.CHECKPOINTS, key)
        retention = source.retention()
        self._job.update(lambda found: replace(found, retention=retention))
        if value is not None:
            checkpoint = contract.checkpoints.decode(value)
            self._job.update(
                lambda found: replace(after_commit(found, checkpoint, 0), state=found.state)
            )
