"""`chartfeed local`: a whole system on this machine, started, looked at and stopped."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from chartfeed import settings
from chartfeed.interrupts import told_to_stop
from deploy.local import configuration, home
from deploy.local.practices import FAMILIES, Request
from deploy.local.roster import Roster
from deploy.local.stack import SERVICES, Stack
from deploy.local.staff.work import work as let_work
from schemas.errors import BadInput, Failed

__all__ = ["local"]

_SERVICE = click.Choice(list(SERVICES))


class _Positive(click.FloatRange):
    """A number above nothing; nan, which compares with nothing, is none."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


_POSITIVE = _Positive(min=0, min_open=True)


@click.group()
@click.option(
    "--home",
    "folder",
    type=click.Path(path_type=Path),
    help="Its one folder; else CHARTFEED_HOME, else .chartfeed in the checkout.",
)
@click.pass_context
def local(ctx: click.Context, folder: Path | None) -> None:
    """Kafka, a schema registry, a SQL Server stand-in and its practices, on this machine."""
    ctx.obj = Stack(folder or home.default(os.environ), home.downloads(), click.echo)


def _ports(given: Sequence[str]) -> dict[str, dict[str, int]]:
    wanted: dict[str, dict[str, int]] = defaultdict(dict)
    for text in given:
        name, _, number = text.partition("=")
        service, _, kind = name.partition(".")
        known = SERVICES.get(service)
        if known is None or not number.isdecimal():
            raise BadInput(
                f"--port {text} is not SERVICE=NUMBER", hint=f"services: {', '.join(SERVICES)}"
            )
        if not 0 < int(number) < 65536:
            raise BadInput(f"--port {text}: there is no such port", hint="give 1 to 65535")
        kind = kind or next(iter(known.ports))
        if kind not in known.ports:
            raise BadInput(
                f"{service} has no port {kind}", hint=f"it has: {', '.join(known.ports)}"
            )
        wanted[service][kind] = int(number)
    return wanted


def _family_list(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    return None if value is None else tuple(name.strip() for name in value.split(","))


def _end(_ctx: click.Context, _parameter: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


@local.command()
@click.argument("names", nargs=-1, type=_SERVICE)
@click.option("--port", "given", multiple=True, metavar="SERVICE=NUMBER", help="Fix a port.")
@click.option("--owner", type=int, help="Stop everything when the process of this id ends.")
@click.option("--centers", "count", type=int, help="How many practices; else 30 and one more.")
@click.option(
    "--families", callback=_family_list, metavar="LIST", help=f"Of {', '.join(FAMILIES)}."
)
@click.option("--tables", type=int, help="Tables in each practice, 10 to 650; else 45.")
@click.option("--patients", type=int, help="Patients in each practice; else 120.")
@click.option("--years", type=int, help="Years of charts; else 2.")
@click.option(
    "--end",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_end,
    metavar="YYYY-MM-DD",
    help="Their last day; else 2022-12-31.",
)
@click.option("--seed", type=int, help="Another number, other practices.")
@click.pass_obj
def up(
    stack: Stack,
    /,
    names: tuple[str, ...],
    given: tuple[str, ...],
    owner: int | None,
    **practices: int | date | tuple[str, ...] | None,
) -> None:
    """Start what is named, or everything, and wait until it answers.

    The SQL Server stand-in gets generated practices the first time.
    """
    wanted = _ports(given)
    asked = {name: value for name, value in practices.items() if value is not None}
    request = Request(**asked) if asked else None  # type: ignore[arg-type]
    chosen = names or tuple(SERVICES)
    if request and "sqlserver" not in chosen:
        raise BadInput(
            "practices live in the SQL Server stand-in, which is not among what to start",
            hint="chartfeed local up sqlserver …",
        )
    with stack.locked():
        stack.up(chosen, wanted, owner)
        if "sqlserver" in chosen:
            Roster(stack).fill(request, click.echo)
        configuration.write(stack)
    _show(stack)


@local.command()
@click.option("--rate", type=_POSITIVE, default=20.0, show_default=True, help="Changes a second.")
@click.option("--seconds", type=_POSITIVE, default=math.inf, help="How long; else until Ctrl-C.")
@click.option("--seed", default=1, show_default=True, help="Other work of the same kind.")
@click.pass_obj
def work(stack: Stack, rate: float, seconds: float, seed: int) -> int:
    """Let the staff of all practices work, and keep a journal of what was committed."""
    roster = Roster(stack)
    with told_to_stop() as stop:
        tally = let_work(
            roster.planned(),
            roster.connect(),
            roster.journal,
            rate=rate,
            seconds=seconds,
            seed=seed,
            stop=stop,
        )
    click.echo(f"{tally.committed} transactions committed in {tally.seconds:.1f} s")
    for deed, count in tally.deeds.most_common():
        click.echo(f"  {count:6} {deed}")
    for (center, error), count in sorted(tally.failures.items()):
        click.echo(f"{center}: {count} undone by {error}", err=True)
    return int(not tally.committed)


@local.command()
@click.argument("names", nargs=-1, type=_SERVICE)
@click.pass_obj
def down(stack: Stack, names: tuple[str, ...]) -> None:
    """Stop what is named, or everything; the data stays."""
    stack.down(names or list(SERVICES))


@local.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def status(stack: Stack, as_json: bool) -> int:  # noqa: FBT001 - click hands a flag over
    """Show what runs and where it listens; exit 1 unless everything that was started runs."""
    found = stack.status()
    if as_json:
        services = {}
        for name, one in found.items():
            facts = dataclasses.asdict(one)
            services[name] = facts | facts.pop("facts")
        document = {
            "home": str(stack.home),
            "config": str(stack.home / "chartfeed.yml"),
            "centers": _count_centers(stack),
            "services": services,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        _show(stack)
    return int(any(found[name].state != "running" for name in stack.layout.started))


@local.command()
@click.argument("name", type=_SERVICE)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines.")
@click.pass_obj
def logs(stack: Stack, name: str, follow: bool, lines: int) -> None:  # noqa: FBT001
    """Show the log of a service."""
    log = stack.log(name)
    if not log.is_file():
        raise Failed(f"{name} has no log yet", hint=f"chartfeed local up {name}")
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)]
    subprocess.run(command, check=False)


@local.command()
@click.argument("names", nargs=-1, type=_SERVICE)
@click.pass_obj
def reset(stack: Stack, names: tuple[str, ...]) -> None:
    """Stop what is named, or everything, and remove its data.

    With the stand-in go its practices, centers.yml and mappings/ with their approvals and the
    audit log; with the last service also output/, state/, replayed/, logs/ and chartfeed.yml.
    Downloads stay.
    """
    gone = stack.reset(names or list(SERVICES))
    if gone:
        click.echo(f"removed under {stack.home}: {', '.join(gone)}")
    else:
        click.echo(f"nothing to remove under {stack.home}")


def _count_centers(stack: Stack) -> int:
    path = stack.home / "chartfeed.yml"
    return len(settings.load(path).centers) if path.is_file() else 0


def _show(stack: Stack) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("service", "state", "pid", "address", "log"):
        # An address is there to be copied, in one piece.
        table.add_column(heading, overflow="fold", no_wrap=heading == "address")
    colour = {"running": "green", "starting": "yellow", "stopped": "dim"}
    for name, one in stack.status().items():
        table.add_row(
            name,
            f"[{colour[one.state]}]{one.state}[/]",
            str(one.pid or ""),
            one.address or "",
            os.path.relpath(one.log),
        )
    console = Console()
    console.print(table)
    console.print(f"centers: {_count_centers(stack)}   home: {os.path.relpath(stack.home)}")
