"""`chartfeed demo`: the whole of it on this machine, in the commands that anybody can type."""

from __future__ import annotations

import csv
import os
import shlex
import time
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.rule import Rule

from chartfeed import demo_feed
from chartfeed.cli import Context, cli
from chartfeed.settings import Settings
from deploy.local import home
from deploy.local.stack import SERVICES, Stack
from producers import mapping_file
from schemas.errors import Failed

__all__ = ["Show", "demo"]

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
        passed = time.monotonic() - self.began
        self.console.print()
        self.console.print(Rule(f"[bold]{title}[/]  [dim]{passed:.0f} s[/]", align="left"))

    def say(self, text: str) -> None:
        self.console.print(text)

    def type(self, command: str) -> None:
        self.console.print(f"[bold cyan]$ {command}[/]", overflow="ellipsis", no_wrap=True)

    def run(self, *arguments: str) -> None:
        """Run one command; the demo is over where it ends otherwise than it should."""
        self.type(f"chartfeed {shlex.join(arguments)}")
        config = ["--config", str(self.config)] if self.config.is_file() else []
        code = cli.main([*config, *arguments], prog_name="chartfeed", standalone_mode=False) or 0
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
    passed = time.monotonic() - show.began
    show.chapter("That was it")
    show.say(f"{passed:.0f} seconds. The files are in {os.path.relpath(folder / 'output')}.")
    if keep:
        show.say(f"It still runs. To stop it: chartfeed local --home {folder} down")
    else:
        show.say("Nothing is left running. To look around: chartfeed local up")


def _play(show: Show, stack: Stack, *, seconds: float) -> None:
    folder = stack.home
    local = ("local", "--home", os.path.relpath(folder))
    show.chapter("A broker, a schema registry, a SQL Server and thirty-one practices")
    show.run(*local, "up", "--owner", str(os.getpid()))
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
