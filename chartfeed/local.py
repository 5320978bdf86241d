"""`chartfeed local`: a whole system on this machine, started, looked at and stopped."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from chartfeed import settings
from deploy.local import configuration, guard, home
from deploy.local.stack import SERVICES, Stack
from schemas.errors import BadInput, Failed

__all__ = ["local"]

_SERVICE = click.Choice(list(SERVICES))


@click.group()
@click.option("--home", "folder", type=click.Path(path_type=Path), help="Its one folder.")
@click.pass_context
def local(ctx: click.Context, folder: Path | None) -> None:
    """Kafka, a schema registry, a SQL Server stand-in and its practices, on this machine."""
    ctx.obj = Stack(folder or home.default(os.environ), home.downloads())


def _ports(given: Sequence[str]) -> dict[str, dict[str, int]]:
    wanted: dict[str, dict[str, int]] = defaultdict(dict)
    for text in given:
        name, _, number = text.partition("=")
        service, _, kind = name.partition(".")
        known = SERVICES.get(service)
        if known is None or not number.isdecimal() or not 0 < int(number) < 65536:
            raise BadInput(
                f"--port {text} is not SERVICE=NUMBER", hint=f"services: {', '.join(SERVICES)}"
            )
        kind = kind or next(iter(known.ports))
        if kind not in known.ports:
            raise BadInput(
                f"{service} has no port {kind}", hint=f"it has: {', '.join(known.ports)}"
            )
        wanted[service][kind] = int(number)
    return wanted


@local.command()
@click.argument("names", nargs=-1, type=_SERVICE)
@click.option("--port", "given", multiple=True, metavar="SERVICE=NUMBER", help="Fix a port.")
@click.option("--owner", type=int, help="Stop everything when the process of this id ends.")
@click.pass_obj
def up(stack: Stack, names: tuple[str, ...], given: tuple[str, ...], owner: int | None) -> None:
    """Start what is named, or everything, and wait until it answers."""
    wanted = _ports(given)
    stack.home.mkdir(parents=True, exist_ok=True)
    if owner is not None:
        guard.watch(stack, owner)
    stack.up(names or list(SERVICES), wanted, click.echo)
    configuration.write(stack)
    _show(stack)


@local.command()
@click.argument("names", nargs=-1, type=_SERVICE)
@click.pass_obj
def down(stack: Stack, names: tuple[str, ...]) -> None:
    """Stop what is named, or everything; the data stays."""
    stack.down(names or list(SERVICES), click.echo)


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
    started = stack.known_ports()
    return int(any(one.state != "running" for name, one in found.items() if name in started))


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
    """Stop what is named, or everything, and remove its data; downloads stay."""
    stack.reset(names or list(SERVICES), click.echo)
    click.echo(f"removed the data of {', '.join(names or SERVICES)} under {stack.home}")


def _count_centers(stack: Stack) -> int:
    path = stack.home / "chartfeed.yml"
    return len(settings.load(path).centers) if path.is_file() else 0


def _show(stack: Stack) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("service", "state", "pid", "address", "log"):
        table.add_column(heading, overflow="fold")
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
