"""`chartfeed rebuild`: a worker's state made anew, while the worker goes on with the old one."""

from __future__ import annotations

import gc
import socket
from typing import TYPE_CHECKING

import click

from chartfeed import stream
from chartfeed.meter import Meter
from chartfeed.topics import require
from producers.capture import cut
from stream_app.join import TOPICS
from stream_app.replay import rebuilding

if TYPE_CHECKING:
    from chartfeed.cli import Context

__all__ = ["rebuild"]


@click.command()
@click.option("--worker", "name", metavar="ID", help="Whose state; else this machine's name.")
@click.pass_obj
def rebuild(context: Context, name: str | None) -> int:
    """Make a worker's state anew from the topics, by the rules of this version.

    The worker goes on meanwhile. When it is next started, it takes the new state, compares it with
    what is published, and publishes the differences alone. Interrupted, the same command goes on.
    """
    settings = context.settings
    require(settings)
    worker = socket.gethostname() if name is None else name
    folder = settings.state / worker
    partitions = rebuilding.partitions_of(folder)
    contract = stream.contract(settings)
    kafka = settings.kafka.client
    at = cut.positions(kafka, contract.partitions)
    ends = {topic: {number: at[topic, number] for number in partitions} for topic in TOPICS}
    # Records come by the ten thousand and hold no cycles: looking for some costs a tenth more.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with Meter("records") as meter:
        count = rebuilding.rebuild(folder, contract, kafka, ends, meter.reading)
    click.echo(f"{count} records are in a new state of {worker}")
    click.echo(f"  next: restart chartfeed stream --worker {worker}, which switches it in")
    return 0
