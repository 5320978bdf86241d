"""`chartfeed preflight`: what is missing before centers go live, and the script for their DBA."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import orjson

from chartfeed import mappings, sources
from chartfeed.topics import cluster
from producers import preflight_facts, preflight_script
from producers.connection import connect
from producers.errors import MappingDamaged, Unapproved
from producers.preflight import Finding, Level, findings
from producers.preflight_script import Place
from schemas import subjects, topics
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chartfeed.cli import Context
    from chartfeed.settings import Center, Settings
    from producers.mapping import Mapping

__all__ = ["Look", "exit_code", "look", "preflight"]


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at one place: a center, or None for what all centers share."""

    center: str | None
    findings: tuple[Finding, ...]
    error: ChartfeedError | None = None

    @property
    def is_ready(self) -> bool:
        return all(finding.level is not Level.TODO for finding in self.findings)


def look(settings: Settings, centers: Sequence[Center]) -> list[Look]:
    """Look at what all centers share and at each center, several at once."""
    return [_shared(settings), *mappings.each(centers, lambda center: _center(settings, center))]


def _failed(check: str, error: ChartfeedError) -> Finding:
    return Finding(check, Level.TODO, error.message, error.hint)


def _center(settings: Settings, center: Center) -> Look:
    mapping: Mapping | None = None
    found = []
    unapproved: ChartfeedError | None = None
    try:
        mapping = sources.approved_mapping(settings, center)
        found.append(Finding("mapping", Level.OK, f"approved by {mapping.reviewed_by}"))
    except (Unapproved, MappingDamaged) as error:
        unapproved = error
        found.append(_failed("mapping", error))
    try:
        login = sources.of(settings, center)
        with closing(connect(login)) as connection:
            facts = preflight_facts.look(connection, center.id, mapping)
    except ChartfeedError as error:
        return Look(center.id, (_failed("connection", error), *found), error)
    reached = Finding("connection", Level.OK, f"{login.user} at {center.server}")
    told = findings(center.database, login.user, facts, mapping)
    return Look(center.id, (reached, *found, *told), unapproved)


def _shared(settings: Settings) -> Look:
    return Look(None, (*_topics(settings), *_registry(settings)))


def _topics(settings: Settings) -> list[Finding]:
    try:
        differences = cluster(settings).verify()
    except ChartfeedError as error:
        return [_failed("topics", error)]
    if not differences:
        return [Finding("topics", Level.OK, f"{len(topics.ALL)} topics are as declared")]
    return [
        Finding(
            "topics",
            Level.TODO,
            str(difference),
            "chartfeed topics create"
            if difference.what == "the topic"
            else f"set {difference.what} of {difference.topic} to {difference.due}, "
            "then chartfeed topics verify",
        )
        for difference in differences
    ]


def _registry(settings: Settings) -> list[Finding]:
    registry = settings.registry.client()
    try:
        for topic in subjects.RECORDS:
            registry.id_of(topic)
    except ChartfeedError as error:
        return [_failed("registry", error)]
    return [Finding("registry", Level.OK, f"{len(subjects.RECORDS)} schemas are registered")]


def exit_code(looks: Sequence[Look]) -> int:
    """Give 0 when all may start; 2 or 3 where no center could be looked at; else 1."""
    if all(look.is_ready for look in looks):
        return 0
    errors = [look.error for look in looks if look.center is not None]
    codes = [error.exit_code for error in errors if error is not None]
    if codes and len(codes) == len(errors):
        return 3 if 3 in codes else 2 if set(codes) == {2} else 1
    return 1


@click.command()
@click.argument("names", nargs=-1, metavar="[CENTER]...")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--sql", is_flag=True, help="Print the T-SQL that prepares a center, for its DBA.")
@click.option("--undo", is_flag=True, help="With --sql: the T-SQL that takes just that back.")
@click.pass_obj
def preflight(
    context: Context, names: tuple[str, ...], *, as_json: bool, sql: bool, undo: bool
) -> int:
    """Say what is good, and what is to be done before centers can go live.

    Nothing is changed, and no row is read.
    """
    settings = context.settings
    if sql:
        return _print_script(settings, names, undo=undo)
    if undo:
        raise BadInput("--undo goes with --sql", hint="chartfeed preflight --sql CENTER --undo")
    centers = settings.select(names)
    if not centers:
        raise BadInput(
            f"no center is enabled in {settings.centers_path}", hint="add one, a line each"
        )
    looks = look(settings, centers)
    if as_json:
        click.echo(_json(looks), nl=False)
    else:
        _print(looks)
    return exit_code(looks)


def _print_script(settings: Settings, names: tuple[str, ...], *, undo: bool) -> int:
    if len(names) != 1:
        raise BadInput("a script is for one center", hint="chartfeed preflight --sql CENTER")
    center = settings.center(names[0])
    mapping = sources.approved_mapping(settings, center)
    place = Place(center.server, center.user or settings.sqlserver.user)
    script = preflight_script.undo if undo else preflight_script.prepare
    click.echo(script(mapping, place), nl=False)
    return 0


def _print(looks: Sequence[Look]) -> None:
    width = max(len(look.center or "all centers") for look in looks)
    for look in looks:
        for finding in look.findings:
            line = f"{look.center or 'all centers':{width}}  {finding.level:7}  {finding.check:10}"
            click.echo(f"{line}  {finding.text}")
            if finding.todo is not None:
                click.echo(f"{'':{width}}           next: {finding.todo}")
    ready = sum(look.is_ready for look in looks if look.center is not None)
    click.echo(f"{ready} of {len(looks) - 1} centers are ready")


def _json(looks: Sequence[Look]) -> bytes:
    content = {
        "ready": all(look.is_ready for look in looks),
        "findings": [
            {
                "center_id": look.center,
                "check": finding.check,
                "level": finding.level,
                "text": finding.text,
                "next_command": finding.todo,
            }
            for look in looks
            for finding in look.findings
        ],
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
