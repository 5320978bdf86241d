"""`chartfeed pause` and `resume`: have centers wait, from any machine, and go on."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from producers.capture.commands import send
from producers.capture.overview import Known, Overview
from schemas import topics
from schemas.codec import Encoder
from schemas.errors import BadInput
from schemas.records import Command

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings

__all__ = ["ask", "hold", "known", "pause", "resume", "standing"]

LONGEST_REASON: Final = 500


@click.command()
@click.argument("center_ids", nargs=-1, required=True, metavar="CENTER…")
@click.option("--reason", default="", metavar="TEXT", help="Why; `chartfeed status` shows it.")
@click.pass_obj
def pause(context: Context, center_ids: tuple[str, ...], reason: str) -> int:
    """Have centers stop within a second or so, and stay stopped until they are resumed.

    The position is held, and a producer that is started anew finds them paused as well. A source
    keeps changes for a limited time: `chartfeed status` shows how long a center may wait.
    """
    settings = context.settings
    names = [settings.center(center).id for center in dict.fromkeys(center_ids)]
    arguments = _said(reason)
    before = standing(settings, names)
    ask(settings, names, "pause", arguments)
    for name in names:
        command = before[name]
        taken = command is not None and command.action == "resync"
        click.echo(
            f"{name}: paused"
            + ("; a resync that was asked for is taken back, unless it has begun" * taken)
        )
    click.echo(f"  next: chartfeed resume {' '.join(names)}")
    return 0


@click.command()
@click.argument("center_ids", nargs=-1, required=True, metavar="CENTER…")
@click.pass_obj
def resume(context: Context, center_ids: tuple[str, ...]) -> int:
    """Have centers go on from where they were paused, and take back a resync not begun yet."""
    settings = context.settings
    names = [settings.center(center).id for center in dict.fromkeys(center_ids)]
    before = standing(settings, names)
    ask(settings, names, "resume", {})
    for name in names:
        command = before[name]
        if command is None:
            click.echo(f"{name}: was not paused; its producer looks again")
        elif command.action == "pause":
            click.echo(f"{name}: resumed")
        else:
            click.echo(f"{name}: the resync is taken back, unless it has begun")
    return 0


def hold(settings: Settings, names: list[str], reason: str, by: str | None = None) -> None:
    """Ask for a pause of centers, with a reason that is shown wherever they are."""
    ask(settings, names, "pause", _said(reason), by=by)


def _said(reason: str) -> dict[str, str]:
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"a reason has at most {LONGEST_REASON} characters", hint="--reason …")
    return {"reason": " ".join(reason.split())} if reason.strip() else {}


def standing(settings: Settings, names: list[str]) -> Mapping[str, Command | None]:
    """Give the command that stands for each center now."""
    found = known(settings, names, [Command])
    return {name: one.command for name, one in found.items()}


def known(
    settings: Settings, names: list[str], records: Iterable[type[Any]]
) -> Mapping[str, Known]:
    """Give what such records say of each center now."""
    kafka, partitions = settings.kafka.client, settings.kafka.topics.partitions
    registry = settings.registry.client()
    with Overview(kafka, partitions, registry.schema, names, records) as overview:
        return overview.read()


def ask(
    settings: Settings,
    names: list[str],
    action: str,
    arguments: dict[str, str],
    *,
    by: str | None = None,
) -> None:
    """Put a command for each center where its producer reads it, wherever that runs.

    It is asked for `by` somebody, else by the user of this process.
    """
    encoder = Encoder(Command, settings.registry.client().id_of(topics.COMMANDS))
    now = datetime.now(UTC)
    send(
        settings.kafka.client,
        settings.kafka.topics.partitions,
        {
            name: encoder.encode(
                Command(
                    center_id=name,
                    command_id=uuid.uuid4().hex,
                    action=action,
                    arguments=arguments,
                    requested_by=by or getpass.getuser(),
                    requested_at=now,
                )
            )
            for name in names
        },
    )
