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

from chartfeed.cli import Context, cli
from chartfeed.settings import Settings
from deploy.local import home
from deploy.local.stack import SERVICES, Stack
from producers import mapping_file
from schemas.errors import Failed

__all__ = ["demo"]

DAY = "2022-01-18"
WORK_SECONDS = 5


class _Show:
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

    def run(self, *arguments: str) -> None:
        """Run one command; the demo is over where it ends otherwise than it should."""
        shown = shlex.join(arguments)
        self.console.print(f"[bold cyan]$ chartfeed {shown}[/]", overflow="ellipsis", no_wrap=True)
        config = ["--config", str(self.config)] if self.config.is_file() else []
        code = cli.main([*config, *arguments], prog_name="chartfeed", standalone_mode=False) or 0
        if code != 0:
            raise Failed(f"chartfeed {shlex.join(arguments)} ended with {code}")


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running, to look around.")
def demo(*, keep: bool) -> None:
    """Start thirty practices, find and approve their names, and write a day's file.

    It has a home of its own, made anew each time, and free ports.
    """
    folder = home.default(os.environ) / "demo"
    show = _Show(folder)
    stack = Stack(folder, home.downloads(), show.say)
    stack.reset(list(SERVICES))
    try:
        _play(show, folder)
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


def _play(show: _Show, folder: Path) -> None:
    local = ("local", "--home", os.path.relpath(folder))
    show.chapter("A broker, a schema registry, a SQL Server and thirty-one practices")
    show.run(*local, "up", "--owner", str(os.getpid()))
    show.run("topics", "create")

    show.chapter(f"Their staff at work for {WORK_SECONDS} seconds")
    show.run(*local, "work", "--rate", "20", "--seconds", str(WORK_SECONDS))

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


def _clear_and_open(settings: Settings) -> tuple[list[str], list[str]]:
    """Tell the centers whose mapping has every name from those where one is open."""
    clear: list[str] = []
    still_open: list[str] = []
    for center in settings.centers:
        path = mapping_file.path_of(settings.mappings, center.id)
        missing = mapping_file.load(path, center=center.id).missing()
        (still_open if missing else clear).append(center.id)
    return clear, still_open


def _show_day(show: _Show, settings: Settings) -> None:
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
