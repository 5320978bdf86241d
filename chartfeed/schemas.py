"""`chartfeed schemas`: check the contract against the registry, and register it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from schemas import avro, compatibility, subjects

if TYPE_CHECKING:
    from chartfeed.cli import Context

__all__ = ["schemas"]


@click.group()
def schemas() -> None:
    """Check what this version would write against the registry, and register it."""


@schemas.command()
@click.pass_obj
def check(context: Context) -> int:
    """Say what readers could not read any more, or what is not registered; exit 1 if so."""
    registry = context.settings.registry.client()
    good = True
    for topic, record in subjects.RECORDS.items():
        ours, theirs = avro.load(record), registry.latest(topic)
        if theirs is None:
            good = False
            click.echo(f"{subjects.subject(topic)}: not registered", err=True)
            continue
        for broken in compatibility.breaks(theirs, ours):
            good = False
            click.echo(f"{subjects.subject(topic)}: {broken}", err=True)
    if not good:
        click.echo("  next: chartfeed schemas register", err=True)
        return 1
    click.echo(f"{len(subjects.RECORDS)} schemas are compatible")
    return 0


@schemas.command()
@click.pass_obj
def register(context: Context) -> int:
    """Register every topic's schema; what is there already stays as it is."""
    registry = context.settings.registry.client()
    for topic in subjects.RECORDS:
        click.echo(f"{subjects.subject(topic)}: schema {registry.register(topic)}")
    return 0
