"""`chartfeed review`: the talk with a person, around the pure steps of producers.review."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from chartfeed import mapping_tables, mappings
from producers import canonical, choices, discover, mapping_file, merging, review, shown, survey
from producers.canonical import Kind
from producers.choices import Choices
from producers.discovery.evidence import SURE
from producers.errors import Denied, StatementFailed
from producers.review import Step
from producers.shown import printable
from schemas.errors import BadInput

if TYPE_CHECKING:
    import pyodbc

    from chartfeed.settings import Center, Settings
    from producers.catalog import Catalog
    from producers.mapping import Mapping

__all__ = ["run"]


def run(settings: Settings, center: Center, *, now: Callable[[], datetime]) -> int:
    """Walk through a center's open points, validate, show a day, and approve; 2 if not approved."""
    before = _present(settings, center)
    if before.approval_problem() is None:
        click.echo(f"{center.id} is approved by {before.reviewed_by}; a new approval replaces it.")
    mapping = _walk(settings, center, before)
    report = mappings.examine(settings, center, mapping, Choices())
    click.echo("\nWhat the validation says:")
    _print(mapping_tables.findings(report.findings))
    if report.errors:
        click.echo(f"Not approved. Next: chartfeed review {center.id}")
        return 2
    if report.day is not None and report.day.rows:
        click.echo(f"\nThe unified rows of {report.day.rows[0].date.isoformat()}:")
        _print(mapping_tables.day(report.day))
    click.echo("\nSure names, not asked about:")
    _print(f"  {step.point} = {printable(step.name or '')}" for step in _sure(report.mapping))
    reviewer = click.prompt(
        "\nYour name to approve, empty to leave it", default="", show_default=False
    )
    if not reviewer.strip():
        click.echo("Not approved; nothing is written.")
        return 2
    mappings.seal(settings, report, before, reviewer=reviewer, at=now())
    click.echo(f"{center.id}: approved by {reviewer.strip()}")
    return 0


def _present(settings: Settings, center: Center) -> Mapping:
    path = mapping_file.path_of(settings.mappings, center.id)
    if path.exists():
        return mappings.load(settings, center)
    return mappings.propose(settings, center, mappings.bank(settings))


def _sure(mapping: Mapping) -> list[Step]:
    return [step for step in review.steps(mapping) if step.confidence >= SURE]


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _walk(settings: Settings, center: Center, mapping: Mapping) -> Mapping:
    done: list[str] = []
    with mappings.opened(settings, center) as connection:
        catalog = survey.read_catalog(connection, center.id)
        while (step := review.next_step(mapping, done)) is not None:
            done.append(step.point)
            _show(step)
            _show_values(connection, catalog, mapping, step)
            name = _asked(step)
            if name is None:
                mapping = _confirmed(mapping, step)
                continue
            chosen = Choices({step.point: name})
            fresh = discover.propose(
                connection,
                center=center.id,
                database=center.database,
                learned=mappings.bank(settings).learned,
                chosen=merging.chosen_names(mapping, chosen),
            )
            mapping = merging.merged(mapping, fresh, chosen)
            if step.point.endswith(".DELKZ"):
                mapping = _flag(mapping, step.point.partition(".")[0])
    return mapping


def _confirmed(mapping: Mapping, step: Step) -> Mapping:
    if step.name is not None and step.point.endswith(".DELKZ"):
        return _flag(mapping, step.point.partition(".")[0])
    return mapping


def _show(step: Step) -> None:
    what = "open" if step.name is None else f"{printable(step.name)}, {step.confidence:.2f} sure"
    needed = "" if step.required else " (may stay open)"
    click.echo(f"\n{step.point}: {what}{needed}")
    for text in step.evidence:
        click.echo(f"    {printable(text)}")
    for number, rival in enumerate(step.rivals, 1):
        click.echo(f"  {number}) {printable(rival.name)}  {rival.confidence:.2f}")
        for text in rival.evidence:
            click.echo(f"       {printable(text)}")


def _show_values(
    connection: pyodbc.Connection, catalog: Catalog, mapping: Mapping, step: Step
) -> None:
    """Show harmless sample values of the columns that are possible; of persons, none."""
    role, _, key = step.point.partition(".")
    if not key or canonical.TABLES[role][key].kind is Kind.PERSON:
        return
    table = catalog.table(mapping.schema, mapping.table(role))
    names = [step.name] if step.name else [rival.name for rival in step.rivals]
    for name in names:
        column = table.column(name) if table and name else None
        if table is None or column is None:
            continue
        try:
            values = survey.read_examples(connection, mapping.center, table, column.name)
        except (Denied, StatementFailed) as error:
            click.echo(f"    {printable(name or '')}: can't be read: {error.message}")
            continue
        listed = ", ".join(shown.values(canonical.TABLES[role][key].kind, values))
        click.echo(f"    {printable(column.name)} holds: {listed}")


def _asked(step: Step) -> str | None:
    keep = "keep it" if step.name else "leave it open"
    pick = "a number, " if step.rivals else ""
    while True:
        answer = click.prompt(f"  {pick}a name, or Enter to {keep}", default="", show_default=False)
        try:
            return review.answered(step, answer)
        except BadInput as error:
            click.echo(f"  {error}")


def _flag(mapping: Mapping, role: str) -> Mapping:
    """Ask which values of an unusual flag mean "not deleted"."""
    live = mapping.live(role)
    if live is None:
        return mapping
    present = ",".join("NULL" if value is None else value for value in live)
    answer = click.prompt("  values that mean NOT deleted, or usual", default=present)
    chosen = choices.parse([f"{role}.DELKZ.live={answer}"])
    return choices.apply_live(replace(mapping), chosen)
