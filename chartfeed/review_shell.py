"""`chartfeed review`: the talk with a person, around the pure steps of producers.review."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

import click

from chartfeed import answers, approvals, examples, mapping_tables, mappings
from chartfeed.answers import NOTHING, Answers
from chartfeed.approvals import Changed
from producers import choices, mapping_file, review, survey
from producers.choices import Choices
from producers.review import Step
from producers.shown import printable
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    import pyodbc

    from chartfeed.settings import Center, Settings
    from producers.catalog import Catalog
    from producers.mapping import Mapping
    from producers.validation import Report

__all__ = ["run"]

T = TypeVar("T")
NO_NAME: Final = "-"
LEFT: Final = "Not approved; nothing is written."


def run(settings: Settings, center: Center, *, now: Callable[[], datetime]) -> int:
    """Walk through a center's open points, validate, show a day, and approve; 2 if not approved.

    What was answered outlives an error of the database: the step is tried again, or the answers
    are printed as the command that gives them all at once.
    """
    seen = approvals.version(settings, center)
    before = _present(settings, center)
    talk = _Talk(settings, center, before)
    try:
        return _held(talk, before, seen, now)
    except click.Abort as abort:
        click.echo()
        talk.hand_over()
        if not isinstance(abort.__context__, EOFError):
            raise
        # Ctrl-D, other than Ctrl-C, is an answer: there is no name.
        click.echo(LEFT)
        return 2


def _held(talk: _Talk, before: Mapping, seen: str, now: Callable[[], datetime]) -> int:
    center = talk.center
    report = talk.examined()
    if report.errors:
        click.echo(f"Not approved. Next: chartfeed review {center.id}")
        return 2
    if report.day is not None and report.day.rows:
        click.echo(f"\nThe unified rows of {report.day.rows[0].date.isoformat()}:")
        _print(mapping_tables.day(report.day, mapping_tables.terminal_width()))
    click.echo("\nThe names that you sign for, and how sure each is:")
    _print(mapping_tables.names(report.mapping))
    reviewer = click.prompt(
        "\nYour name to approve, empty to leave it", default="", show_default=False
    )
    if not reviewer.strip():
        click.echo(LEFT)
        return 2
    talk.insist(
        lambda: approvals.seal(
            talk.settings, report, before, reviewer=reviewer, at=now(), seen=seen
        )
    )
    click.echo(f"{center.id}: approved by {printable(reviewer.strip())}")
    return 0


def _present(settings: Settings, center: Center) -> Mapping:
    present = approvals.present(settings, center)
    there = mapping_file.path_of(settings.mappings, center.id).exists()
    if there and mappings.approval_problem(settings, center) is None:
        who = printable(present.reviewed_by or "")
        click.echo(f"{center.id} is approved by {who}; a new approval replaces it.")
    return present


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


@dataclass(slots=True)
class _Talk:
    """A review under way: the mapping so far, the points asked, and what was answered."""

    settings: Settings
    center: Center
    mapping: Mapping
    asked: list[str] = field(default_factory=list)
    answers: Answers = NOTHING
    unsettled: tuple[str, str | None] | None = None

    def examined(self) -> Report:
        """Walk and validate, back to the points that failed until all hold or nothing changes."""
        failed: list[str] = []
        while True:
            before = self.mapping
            self.insist(lambda: self._walk(failed))
            report = self.insist(self._examined)
            click.echo("\nWhat the validation says:")
            _print(mapping_tables.findings(report.findings, mapping_tables.terminal_width()))
            given_up = bool(failed) and self.mapping == before
            failed[:] = review.failed(self.mapping, {one.point for one in report.errors})
            if not report.errors or not failed or given_up:
                return report
            click.echo(f"\nBack to {', '.join(failed)}; keep all of it to stop here.")
            self.asked = [point for point in self.asked if point not in failed]

    def _examined(self) -> Report:
        return approvals.examine(self.settings, self.center, self.mapping, Choices())

    def insist(self, work: Callable[[], T]) -> T:
        """Give what the work gives, tried again after an error for as long as the person likes."""
        while True:
            try:
                return work()
            except Changed:
                self.hand_over()  # Trying again would not bring back what was reviewed.
                raise
            except ChartfeedError as error:
                click.echo(f"\n{printable(error.message)}")
                if not click.confirm("Try again? Your answers are kept", default=True):
                    self.hand_over()
                    raise

    def hand_over(self) -> None:
        """Print the command that gives all answers at once."""
        if self.answers:
            command = self.answers.command(self.center.id)
            click.echo(f"Your answers so far: {printable(command)}")

    def _walk(self, again: Sequence[str]) -> None:
        """Ask about what is open, unsure or failed."""
        with mappings.opened(self.settings, self.center) as connection:
            catalog = survey.read_catalog(connection, self.center.id)
            self._settle(connection, again)
            while (step := review.next_step(self.mapping, self.asked, again)) is not None:
                _show(step)
                _show_values(connection, catalog, self.mapping, step)
                name = _asked(catalog, self.mapping, step)
                self.asked.append(step.point)
                if name == NO_NAME:
                    self.answers = self.answers.left_open(step.point)
                elif name is not None:
                    self.answers = self.answers.noted(step.point, name)
                self.unsettled = (step.point, name)
                self._settle(connection, again)

    def _settle(self, connection: pyodbc.Connection, again: Sequence[str]) -> None:
        """Take over what was answered last, and what follows from it."""
        if self.unsettled is None:
            return
        point, name = self.unsettled
        if name == NO_NAME:
            self.mapping = answers.unmapped(self.mapping, [point])
        elif name is not None:
            chosen = choices.parse([f"{point}={name}"])
            named = approvals.chosen(self.settings, self.center, connection, self.mapping, chosen)
            self.mapping = answers.unmapped(named, self.answers.unset)
            self.asked = review.still_done(self.asked, point)
        self.unsettled = None
        role, _, key = point.partition(".")
        if key == "DELKZ" and self.mapping.tables[role].columns[key].name is not None:
            self._ask_live(role, usual_too=point in again or name is not None)

    def _ask_live(self, role: str, *, usual_too: bool) -> None:
        """Ask which values of an unusual flag mean "not deleted"."""
        live = self.mapping.live(role)
        if live is None and not usual_too:
            return
        present = ",".join("NULL" if value is None else value for value in live) if live else ""
        present = present or "usual"
        question = f"  values that mean NOT deleted, or usual [{printable(present)}]"
        while True:
            answer = click.prompt(question, default=present, show_default=False)
            try:
                chosen = choices.parse([f"{role}.DELKZ.live={answer}"])
            except BadInput as error:
                click.echo(f"  {printable(error.message)}")
                continue
            if answer != present:
                self.answers = self.answers.noted(f"{role}.DELKZ.live", answer)
            self.mapping = choices.apply_live(self.mapping, chosen)
            return


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
    for example in examples.of(connection, catalog, mapping, step):
        if example.problem is not None:
            text = f"can't be read: {printable(example.problem)}"
        else:
            text = f"holds: {', '.join(example.values)}"
        told = " " if example.problem is None else ": "
        click.echo(f"    {printable(example.column)}{told}{text}")


def _asked(catalog: Catalog, mapping: Mapping, step: Step) -> str | None:
    """Give the name that is there and was chosen, None to keep what is proposed."""
    keep = "keep it" if step.name else "leave it open"
    pick = "a number, " if step.rivals else ""
    may_open = bool(step.name) and "." in step.point
    drop = f"{NO_NAME} for none, " if may_open else ""
    while True:
        question = f"  {pick}a name, {drop}or Enter to {keep}"
        answer = click.prompt(question, default="", show_default=False)
        if may_open and answer.strip() == NO_NAME:
            return NO_NAME
        try:
            name = review.answered(step, answer)
            if name is not None:
                review.require_there(catalog, mapping, step.point, name)
        except BadInput as error:
            click.echo(f"  {printable(error.message)}")
        else:
            return name
