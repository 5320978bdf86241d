"""The demo's second half: the feed at work, killed and back, and held against the sources."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chartfeed.demo_meter import Meter
from chartfeed.demo_screen import Screen
from deploy.local.players import Player, stop_all
from deploy.local.roster import Roster
from producers import mapping_file
from producers.capture.overview import Overview
from producers.quoting import name, qualified
from schemas.records import CenterStatus

if TYPE_CHECKING:
    from chartfeed.demo import Show
    from chartfeed.settings import Settings
    from deploy.local.stack import Stack

__all__ = ["play"]

CENTER: Final = "center_07"
DAY, NEXT_DAY = date(2022, 1, 18), date(2022, 1, 19)
FROM_THE_PAST: Final = 90.0
CATCHING_UP: Final = 60.0


def play(
    show: Show, stack: Stack, settings: Settings, centers: Sequence[str], *, seconds: float
) -> None:
    """Run producers and a worker, break them, change things, and compare; `seconds` of work."""
    folder, output = stack.home, Path(settings.output_path)
    staff = Player(folder, "work", "local", "--home", str(folder), "work", "--rate", "60")
    producer = Player(folder, "produce", "produce")
    worker = Player(folder, "stream", "stream", "--worker", "demo")
    roster = Roster(stack)
    kafka: dict[str, Any] = settings.kafka.client
    schema_of = settings.registry.client().schema
    partitions = settings.kafka.topics.partitions
    with ExitStack() as stack_of_ends:
        stack_of_ends.callback(stop_all, folder)
        show.chapter("The feed: a producer for all practices, and a worker that joins")
        for player, shown in ((producer, "produce"), (worker, "stream --worker demo")):
            show.type(f"chartfeed {shown} &")
            player.start()
        overview = stack_of_ends.enter_context(
            Overview(kafka, partitions, schema_of, centers, [CenterStatus])
        )
        meter = stack_of_ends.enter_context(
            Meter(kafka, partitions, schema_of, roster.journal, centers)
        )

        def require_alive() -> None:
            for player in (staff, producer, worker):
                player.require_alive()

        screen = Screen(
            show.console,
            overview,
            meter,
            output=output,
            centers=len(centers),
            require_alive=require_alive,
        )
        screen.until(
            lambda now: now.streaming == len(centers),
            seconds=FROM_THE_PAST,
            otherwise=f"not every practice streams; look at {producer.log}",
        )

        show.chapter("Their staff at work, and today's file grows")
        show.type("chartfeed local work --rate 60 &")
        staff.start()
        screen.until(
            lambda now: now.rows > 0,
            seconds=CATCHING_UP,
            otherwise=f"nothing of today arrives; look at {staff.log} and {worker.log}",
        )
        screen.for_(seconds)

        show.chapter("Both are killed in the middle of it: kill -9")
        for player in (producer, worker):
            show.type(f"kill -9 {player.pid}")
            player.kill()
        screen.for_(seconds / 4)
        show.say("and started again:")
        for player in (producer, worker):
            player.start()
        screen.for_(seconds)
        staff.stop()
        screen.until(
            lambda now: now.commits > 0 and now.waiting == 0,
            seconds=CATCHING_UP,
            otherwise=f"some changes did not arrive; look at {producer.log} and {worker.log}",
        )

        show.chapter(f"At {CENTER} an insurance is corrected, an entry moves to another day")
        _correct(show, roster, settings)
        screen.until(
            lambda _now: _is_corrected(output),
            seconds=CATCHING_UP,
            otherwise=f"the file of {DAY} did not change; look at {worker.log}",
        )
        show.say(f"\nIn the file of {DAY}, patient 4, and of {NEXT_DAY}, patient 5:\n")
        for day, patient in ((DAY, "4"), (NEXT_DAY, "5")):
            for row in _rows(output, day, patient):
                show.console.print("  " + " | ".join(row.values()), markup=False, soft_wrap=True)

        chosen = [word for center in centers for word in ("--center", center)]
        show.chapter("Is it what the sources say? All days, row by row")
        show.run("reconcile", "--all", *chosen)

        show.chapter("And once more from the topics, into another folder: the same bytes?")
        again = os.path.relpath(folder / "replayed")
        show.run("replay", "--output", again, "--compare", os.path.relpath(output))


def _correct(show: Show, roster: Roster, settings: Settings) -> None:
    """Change two things by hand, as the practice's own software would."""
    mapping = mapping_file.load(mapping_file.path_of(settings.mappings, CENTER), center=CENTER)

    def table(role: str) -> str:
        return qualified(mapping.schema_name(), mapping.table(role))

    def column(role: str, canonical: str) -> str:
        return name(mapping.column(role, canonical))

    links, patient = table("PATKASSE"), column("PATKASSE", "PATNR")
    insurer, link = column("PATKASSE", "KASSENID"), column("PATKASSE", "ID")
    entries, day = table("KARTEI"), column("KARTEI", "DATUM")
    with closing(roster.connect()(mapping.database)) as connection:
        cursor = connection.cursor()
        aok = cursor.execute(
            f"SELECT TOP 1 {insurer} FROM {links} WHERE {patient} = ? ORDER BY {link} DESC", 1
        ).fetchval()
        statements = [
            (f"UPDATE {links} SET {insurer} = ? WHERE {patient} = ?", (aok, 4)),
            (
                (
                    f"UPDATE {entries} SET {day} = ? WHERE {column('KARTEI', 'PATNR')} = ? "
                    f"AND {day} = ?"
                ),
                (f"{NEXT_DAY:%Y%m%d}", 5, f"{DAY:%Y%m%d}"),
            ),
        ]
        for statement, values in statements:
            show.console.print(f"  {statement}  -- {values}", markup=False, soft_wrap=True)
            cursor.execute(statement, *values)
        connection.commit()


def _is_corrected(output: Path) -> bool:
    return [row["insurance_status"] for row in _rows(output, DAY, "4")] == ["GKV"] and bool(
        _rows(output, NEXT_DAY, "5")
    )


def _rows(output: Path, day: date, patient: str) -> list[dict[str, str]]:
    path = output / f"ivoris_chart_entries_{day.isoformat()}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            row
            for row in csv.DictReader(file)
            if (row["center_id"], row["patient_id"]) == (CENTER, patient)
        ]
