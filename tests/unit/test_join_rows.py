"""What the join remembers to be fast does not grow with what a practice writes."""

import sqlite3
import sys
from contextlib import closing

from schemas.insurance import StatusTable
from stream_app.join.rows import Rows, center_content
from stream_app.join.tables import TABLES, WORK
from tests.memory import kept

PATIENTS = 20_000
DAY = 738_000


def test_memory_does_not_follow_the_codes_and_insurers_that_were_met():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        connection.executescript(WORK)
        patients = range(PATIENTS)
        connection.executemany(
            "INSERT INTO entry VALUES (?1, 1, ?1, ?1, ?1, ?2, NULL, 'Füllung')",
            ((patient, DAY) for patient in patients),
        )
        connection.executemany(
            "INSERT INTO service VALUES (1, ?1, ?2, ?3, ?3, ?4)",
            (
                (patient, DAY, 3 * patient + nth, f"{patient}/{nth}")
                for patient in patients
                for nth in range(3)
            ),
        )
        connection.executemany(
            "INSERT INTO link VALUES (1, ?1, ?1, ?1, ?1)", ((patient,) for patient in patients)
        )
        connection.executemany(
            "INSERT INTO insurer VALUES (1, ?1, ?1, ?2, 'G')",
            ((patient, f"Kasse {patient}") for patient in patients),
        )
        connection.executemany(
            "INSERT INTO touched VALUES (?1, 1, ?1, ?2)", ((patient, DAY) for patient in patients)
        )
        rows = Rows(StatusTable.of({"G": "GKV"}))
        names = {1: center_content("center_01", "Praxis")}

        met: list[int] = []

        def meet() -> None:
            for first in range(0, PATIENTS, 1000):
                met.extend(row[1] for row in rows.differing(connection, first, first + 999, names))

        size = kept(meet)

        assert [*patients] == sorted(met)
        # A worker has twelve of these; what was met is in the list.
        assert size - sys.getsizeof(met) - PATIENTS * sys.getsizeof(PATIENTS) < 3_000_000
