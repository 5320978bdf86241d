"""`chartfeed demo`: the whole of it on this machine, in the commands that anybody can type."""

from __future__ import annotations

import csv
import os
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from chartfeed import demo_feed
from chartfeed.cli import Context, cli
from chartfeed.settings import Settings
from deploy.local import home
from deploy.local.stack import SERVICES, Stack
from producers import mapping_file
from schemas.errors import Failed

__all__ = ["Show", "demo", "ending"]

DAY = "2022-01-18"
# How long each part of the feed is watched.
CALM = 12.0
FAST = 4.0


class Show:
    """Runs commands as they would be typed, and shows both."""

    def __init__(self, folder: Path) -> None:
        self.console = Console(highlight=False)
        self.config = folder / "chartfeed.yml"
        self.began = time.monotonic()

    def chapter(self, title: str) -> None:
        heading = Text.assemble((title, "bold"), "  ", (f"{self.seconds:.0f} s", "dim"))
        self.console.print()
        # A rule cuts what is too long for it.
        if heading.cell_len + 2 <= self.console.width:
            self.console.print(Rule(heading, align="left"))
        else:
            self.console.print(Rule())
            self.console.print(heading)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        self.console.print(text)

    def type(self, command: str) -> None:
        self.console.print(f"[bold cyan]$ {command}[/]", overflow="ellipsis", no_wrap=True)

    def run(self, *arguments: str, hidden: Sequence[str] = ()) -> None:
        """Run one command; the demo is over where it ends otherwise than it should.

        What is `hidden` belongs to the demo, and to nobody who types the command.
        """
        self.type(f"chartfeed {shlex.join(arguments)}")
        config = ["--config", str(self.config)] if self.config.is_file() else []
        words = [*config, *arguments, *hidden]
        code = cli.main(words, prog_name="chartfeed", standalone_mode=False) or 0
        if code != 0:
            raise Failed(f"chartfeed {shlex.join(arguments)} ended with {code}")


@click.command()
@click.option("--fast", is_flag=True, help="Less to watch: under a minute.")
@click.option("--keep", is_flag=True, help="Leave the services running, to look around.")
def demo(*, fast: bool, keep: bool) -> None:
    """Start thirty practices, approve their names, stream them, break it, and compare.

    It has a home of its own, made anew each time, and free ports.
    """
    folder = home.default(os.environ) / "demo"
    show = Show(folder)
    stack = Stack(folder, home.downloads(), show.say)
    stack.reset(list(SERVICES))
    try:
        _play(show, stack, seconds=FAST if fast else CALM)
    finally:
        if not keep:
            stack.down(list(SERVICES))
    show.chapter("That was it")
    for line in ending(_typed(), os.path.relpath(folder), keep=keep):
        show.console.print(line, markup=False, soft_wrap=True)


def ending(chartfeed: str, folder: str, *, keep: bool) -> tuple[str, ...]:
    """Say where the demo's files are, and how to look around in it, or to stop it."""
    local = f"  {chartfeed} local --home {folder}"
    pages = f"  {chartfeed} --config {folder}/chartfeed.yml console"
    files = f"The files are in {folder}/output."
    if keep:
        return (files, "It still runs. To look around, and to stop it:", pages, f"{local} down")
    return (files, "Nothing is left running. To look around:", f"{local} up", pages)


def _typed() -> str:
    """Give the command as it can be typed here, in an environment that is active or not."""
    if shutil.which("chartfeed"):
        return "chartfeed"
    return os.path.relpath(Path(sys.executable).with_name("chartfeed"))


def _play(show: Show, stack: Stack, *, seconds: float) -> None:
    folder = stack.home
    local = ("local", "--home", os.path.relpath(folder))
    show.chapter("A broker, a schema registry, a SQL Server and thirty-one practices")
    show.run(*local, "up", hidden=("--owner", str(os.getpid())))
    show.run("topics", "create")
    show.run("schemas", "register")

    show.chapter("Every practice names its tables and columns differently: find them")
    show.run("discover", "--all")
    show.say("\nOne of the proposals, with what speaks for each name:\n")
    show.run("show-mapping", "center_07")

    show.chapter("A person approves a mapping before anything is read through it")
    show.say(
        "[yellow]Here the reviewer is called demo and approves whatever is clear. "
        "In production a person does this, center by center.[/]\n"
    )
    settings = Context(str(show.config)).settings
    clear, still_open = _clear_and_open(settings)
    show.run("approve", *clear, "--reviewer", "demo")
    show.say(f"\n{len(clear)} approved; {', '.join(still_open)} waits for a person:\n")
    show.run("mapping", "status")

    show.chapter(f"The day {DAY}, straight from thirty databases")
    chosen = [word for center in clear for word in ("--center", center)]
    show.run("extract", "--date", DAY, *chosen)
    _show_day(show, settings)
    demo_feed.play(show, stack, settings, clear, seconds=seconds)


def _clear_and_open(settings: Settings) -> tuple[list[str], list[str]]:
    """Tell the centers whose mapping has every name from those where one is open."""
    clear: list[str] = []
    still_open: list[str] = []
    for center in settings.centers:
        path = mapping_file.path_of(settings.mappings, center.id)
        missing = mapping_file.load(path, center=center.id).missing()
        (still_open if missing else clear).append(center.id)
    return clear, still_open


def _show_day(show: Show, settings: Settings) -> None:
    path = Path(settings.output_path) / f"ivoris_chart_entries_{DAY}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = file.readlines()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    show.say("")
    for line in lines[:7]:
        show.console.print(line.rstrip(), markup=False, overflow="ellipsis", no_wrap=True)
    kinds = Counter(row["insurance_status"] for row in rows)
    centers = len({row["center_id"] for row in rows})
    parts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    show.say(f"\n[bold green]{len(rows)} rows from {centers} practices: {parts}[/]")
    if (len(rows), kinds["GKV"], kinds["PKV"]) != (180, 150, 30):
        raise Failed("the day should have 180 rows, 150 GKV and 30 PKV")
