"""The value bank's file: what approved centers taught, and taking it back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from producers import files
from producers.discovery import valuebank
from producers.discovery.valuebank import ValueBank
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    from chartfeed.settings import Settings
    from producers.mapping import Mapping

__all__ = ["bank", "forget", "from_approval"]

_LEARNING = threading.Lock()


def bank(settings: Settings) -> ValueBank:
    """Give what approved centers taught."""
    return valuebank.load(settings.mappings / valuebank.NAME)


def from_approval(settings: Settings, approve: Callable[[], Mapping]) -> Mapping:
    """Give what was approved, its names learned; a damaged bank stops it before."""
    with _LEARNING:
        present = bank(settings)
        approved = approve()
        # What the center taught before may be what was wrong.
        _remember(settings, present, valuebank.learn(_without(present, approved.center), approved))
    return approved


def forget(settings: Settings, center: str) -> None:
    """Take out of the bank what a center taught; failing that is a warning."""
    with _LEARNING:
        try:
            known = bank(settings)
        except ChartfeedError as error:
            click.echo(f"chartfeed: {center}: what it taught is not forgotten: {error}", err=True)
        else:
            _remember(settings, known, _without(known, center))


def _remember(settings: Settings, present: ValueBank, learned: ValueBank) -> None:
    if learned == present:
        return
    path = settings.mappings / valuebank.NAME
    try:
        files.replace(path, valuebank.render(learned))
    except OSError as error:
        click.echo(f"chartfeed: {path} can't be written: {error.strerror}", err=True)


def _without(known: ValueBank, center: str) -> ValueBank:
    """Give the bank without what a center taught; names that somebody entered by hand stay."""
    names = {
        point: {
            name: tuple(one for one in centers if one != center)
            for name, centers in learned.items()
            if centers != (center,)
        }
        for point, learned in known.names.items()
    }
    return ValueBank({point: learned for point, learned in names.items() if learned})
