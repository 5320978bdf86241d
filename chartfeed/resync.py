"""`chartfeed resync`: confirm what the guard stopped."""

from __future__ import annotations

import getpass
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from producers.capture.commands import send
from producers.registry import Registry
from schemas import topics
from schemas.codec import Encoder
from schemas.errors import BadInput
from schemas.records import Command

if TYPE_CHECKING:
    from chartfeed.cli import Context

__all__ = ["resync"]


@click.command()
@click.argument("center_id", metavar="CENTER")
@click.option("--confirm", is_flag=True, help="Yes, what is gone at the source shall be deleted.")
@click.pass_obj
def resync(context: Context, center_id: str, *, confirm: bool) -> int:
    """Let a center go on whose resync would delete more than the guard allows.

    Works from any machine: the producer that has the center reads it from the commands topic.
    """
    settings = context.settings
    center = settings.center(center_id)
    if not confirm:
        raise BadInput(
            f"{center.id}: nothing is asked of it without --confirm",
            hint=f"chartfeed resync {center.id} --confirm, once you know why rows are gone",
        )
    command = Command(
        center_id=center.id,
        command_id=uuid.uuid4().hex,
        action="resync",
        arguments={"confirm": "yes"},
        requested_by=getpass.getuser(),
        requested_at=datetime.now(UTC),
    )
    encoder = Encoder(Command, Registry(settings.registry.url).id_of(topics.COMMANDS))
    send(
        {"bootstrap.servers": settings.kafka.bootstrap} | settings.kafka.options,
        topics.partition_of_center(center.id, settings.kafka.topics.partitions),
        center.id,
        encoder.encode(command),
    )
    click.echo(f"{center.id}: confirmed; its producer goes on within seconds")
    return 0
