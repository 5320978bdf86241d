"""`chartfeed resync`: have a center read all its rows again, or confirm what the guard stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from chartfeed import pause
from producers.capture.others import AT_WORK
from schemas.errors import BadInput
from schemas.records import CenterStatus, Command

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings
    from producers.capture.overview import Known

__all__ = ["answer", "order", "resync"]


@click.command()
@click.argument("center_id", metavar="CENTER")
@click.option("--confirm", is_flag=True, help="Yes, what is gone at the source shall be deleted.")
@click.pass_obj
def resync(context: Context, center_id: str, *, confirm: bool) -> int:
    """Read all rows of a center again, and delete what is published and no longer there.

    Where that would delete more than the guard allows the center waits for --confirm. Works from
    any machine: the producer that has the center reads it from the commands topic, and takes it
    away in the transaction that ends the resync, so it happens once.
    """
    settings = context.settings
    name = settings.center(center_id).id
    known = order(settings, name, confirm=confirm)
    now = datetime.now(UTC)
    click.echo(f"{name}: {answer(known, now, confirm=confirm)}")
    what = "status" if known.told(now) is not None else "produce"
    click.echo(f"  next: chartfeed {what} --center {name}")
    return 0


def order(settings: Settings, name: str, *, confirm: bool, by: str | None = None) -> Known:
    """Ask a center's producer for a resync, unless the center is paused; give what it was at."""
    found = pause.known(settings, [name], [CenterStatus, Command])[name]
    if found.command is not None and found.command.action == "pause":
        raise BadInput(f"{name}: is paused, nothing was asked", hint=f"chartfeed resume {name}")
    pause.ask(settings, [name], "resync", {"confirm": "yes"} if confirm else {}, by=by)
    return found


def answer(known: Known, now: datetime, *, confirm: bool) -> str:
    """Give what becomes of a resync that is asked for now, and when."""
    status = known.told(now)
    waits = known.status is not None and known.status.state == "needs-confirmation"
    said = "asked for"
    if confirm:
        said = (
            "confirmed"
            if waits
            else "nothing waits for a confirmation: a resync is asked for that needs none"
        )
    if status is None:
        return f"{said}; no producer runs for it; all rows are read when one starts"
    if waits and confirm:
        return f"{said}; its producer goes on within seconds"
    if waits:
        return f"{said}; its producer looks again at what would be deleted"
    if status.state in AT_WORK:
        return f"{said}; its producer reads all rows from the next poll on"
    return f"{said}; it is {status.state}; all rows are read when it runs again"
