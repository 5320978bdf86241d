"""`chartfeed resync`: have a center read all its rows again, or confirm what the guard stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chartfeed.pause import ask, standing
from schemas.errors import BadInput

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings

__all__ = ["order", "resync"]


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
    order(settings, name, confirm=confirm)
    if confirm:
        click.echo(f"{name}: confirmed; its producer goes on within seconds")
    else:
        click.echo(f"{name}: asked for; its producer reads all rows from the next poll on")
        click.echo(f"  next: chartfeed status --center {name}")
    return 0


def order(settings: Settings, name: str, *, confirm: bool, by: str | None = None) -> None:
    """Ask a center's producer for a resync, unless the center is paused."""
    command = standing(settings, [name])[name]
    if command is not None and command.action == "pause":
        raise BadInput(f"{name}: is paused, nothing was asked", hint=f"chartfeed resume {name}")
    ask(settings, [name], "resync", {"confirm": "yes"} if confirm else {}, by=by)
