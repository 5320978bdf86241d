"""`chartfeed review`: the talk with a person, around the pure steps of producers.review."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from chartfeed import mapping_tables, mappings
from producers import canonical, choices, discover, mapping_file, merging, review, shown, survey
from producers.canonical import Kind
from producers.choices import Choices
from producers.errors import Denied, StatementFailed
from producers.review import Step
from producers.shown import printable
from schemas.errors import BadInput

if TYPE_CHECKING:
    import pyodbc

    from chartfeed.settings import Center, Settings
    from producers.catalog import Catalog
    from producers.mapping import Mapping
    from producers.validation import Report

__all__ = ["run"]


def run(settings: Settings, center: Center, *, now: Callable[[], datetime]) -> int:
    """Walk through a center's open points, validate, show a day, and approve; 2 if not approved."""
    before = _present(settings, center)
    if before.approval_problem() is None:
        who = printable(before.reviewed_by or "")
        click.echo(f"{center.id} is approved by {who}; a new approval replaces it.")
    report = _examined(settings, center, before)
    if report.errors:
        click.echo(f"Not approved. Next: chartfeed review {center.id}")
        return 2
    if report.day is not None and report.day.rows:
        click.echo(f"\nThe unified rows of {report.day.rows[0].date.isoformat()}:")
        _print(mapping_tables.day(report.day))
    click.echo("\nThe names that you sign for, and how sure each is:")
    _print(mapping_tables.names(report.mapping))
    reviewer = click.prompt(
        "\nYour name to approve, empty to leave it", default="", show_default=False
    )
    if not reviewer.strip():
        click.echo("Not approved; nothing is written.")
        return 2
    mappings.seal(settings, report, before, reviewer=reviewer, at=now())
    click.echo(f"{center.id}: approved by {printable(reviewer.strip())}")
    return 0


def _examined(settings: Settings, center: Center, before: Mapping) -> Report:
    """Walk and validate, back to the points that failed until all hold or nothing is changed."""
    mapping, done, failed = before, list[str](), list[str]()
    while True:
        walked, done = _walk(settings, center, mapping, done, failed)
        report = mappings.examine(settings, center, walked, Choices())
        click.echo("\nWhat the validation says:")
        _print(mapping_tables.findings(report.findings))
        given_up = bool(failed) and walked == mapping
        failed = review.failed(walked, {finding.point for finding in report.errors})
        if not report.errors or not failed or given_up:
            return report
        click.echo(f"\nBack to {', '.join(failed)}; keep all of it to stop here.")
        mapping, done = walked, [point for point in done if point not in failed]


def _present(settings: Settings, center: Center) -> Mapping:
    path = mapping_file.path_of(settings.mappings, center.id)
    if path.exists():
        return mappings.load(settings, center)
    return mappings.propose(settings, center, mappings.bank(settings))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _walk(
    settings: Settings,
    center: Center,
    mapping: Mapping,
    done: Sequence[str],
    again: Sequence[str],
) -> tuple[Mapping, list[str]]:
    """Ask about what is open, unsure or failed; give the mapping and all points asked so far."""
    asked = list(done)
    with mappings.opened(settings, center) as connection:
        catalog = survey.read_catalog(connection, center.id)
        while (step := review.next_step(mapping, asked, again)) is not None:
            asked.append(step.point)
            _show(step)
            _show_values(connection, catalog, mapping, step)
            name = _asked(catalog, mapping, step)
            if name is not None:
                chosen = Choices({step.point: name})
                fresh = discover.propose(
                    connection,
                    center=center.id,
                    database=center.database,
                    learned=mappings.bank(settings).learned,
                    chosen=merging.chosen_names(mapping, chosen),
                )
                mapping = merging.merged(mapping, fresh, chosen)
                asked = review.still_done(asked, step.point)
            role, _, key = step.point.partition(".")
            if key == "DELKZ" and mapping.tables[role].columns[key].name is not None:
                mapping = _flag(mapping, role, usual_too=step.point in again)
    return mapping, asked


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
            click.echo(f"    {printable(name or '')}: can't be read: {printable(error.message)}")
            continue
        listed = ", ".join(shown.values(canonical.TABLES[role][key].kind, values))
        click.echo(f"    {printable(column.name)} holds: {listed}")


def _asked(catalog: Catalog, mapping: Mapping, step: Step) -> str | None:
    """Give the name that is there and was chosen, None to keep what is proposed."""
    keep = "keep it" if step.name else "leave it open"
    pick = "a number, " if step.rivals else ""
    while True:
        answer = click.prompt(f"  {pick}a name, or Enter to {keep}", default="", show_default=False)
        try:
            name = review.answered(step, answer)
            if name is not None:
                review.require_there(catalog, mapping, step.point, name)
        except BadInput as error:
            click.echo(f"  {printable(error.message)}")
        else:
            return name


def _flag(mapping: Mapping, role: str, *, usual_too: bool) -> Mapping:
    """Ask which values of an unusual flag mean "not deleted"."""
    live = mapping.live(role)
    if live is None and not usual_too:
        return mapping
    present = ",".join("NULL" if value is None else value for value in live) if live else "usual"
    question = f"  values that mean NOT deleted, or usual [{printable(present)}]"
    answer = click.prompt(question, default=present, show_default=False)
    return choices.apply_live(mapping, choices.parse([f"{role}.DELKZ.live={answer}"]))
