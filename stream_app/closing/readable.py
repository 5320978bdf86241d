"""What closing a day found, for people: one headline, and a text of a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from schemas import dates
from stream_app.closing.report import Report
from stream_app.closing.tally import Finding

__all__ = ["headline", "text"]

SHOWN: Final = 20
WORDS: Final = {
    "no-files": "the day has no files",
    "not-in-manifest": "the files do not know it",
    "not-yet": "its position lies before midnight",
}


def headline(report: Report) -> str:
    """Say in a line how the day stands, naming the centers that it lacks."""
    day = report.day.isoformat()
    if report.state == "incomplete":
        names = [one.center_id for one in report.missing]
        more = "" if len(names) <= SHOWN else f" and {len(names) - SHOWN} more"
        return f"{day} is not complete: {', '.join(names[:SHOWN])}{more}"
    if report.state == "stopped":
        reasons = [one.name for one in report.stops] + ["files"] * bool(report.problems)
        return f"{day} is not closed: {', '.join(reasons)}"
    said = f"{day} is final, revision {report.revision}: {report.record_count} rows"
    if report.changed is not None:
        said += f", changed since revision {report.changed.revision}"
    if report.warnings:
        said += f"; look at {', '.join(one.name for one in report.warnings)}"
    return said


def text(report: Report) -> str:
    """Give the whole report as people read it."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield headline(report)
    yield f"looked at {dates.utc(report.at)}, {report.record_count} rows, in {report.output}"
    chapters = (
        ("Changed since it was closed", _changed(report)),
        ("Centers that are not complete through midnight", _missing(report)),
        ("Files", (f"{one.file}: {one.what}" for one in report.problems)),
        ("Checks", _checks(report)),
        ("Rows", _rows(report)),
    )
    for title, lines in chapters:
        body = [f"  {line}" for line in lines]
        if body:
            yield from ("", title, *body)


def _changed(report: Report) -> Iterator[str]:
    changed = report.changed
    if changed is not None:
        yield (
            f"revision {changed.revision} of {dates.utc(changed.closed_at)} had "
            f"{changed.record_count} rows; now there are {report.record_count}"
        )
        yield f"centers: {', '.join(changed.centers) or 'none; the files were written anew'}"


def _missing(report: Report) -> Iterator[str]:
    for one in report.missing:
        through = one.complete_through
        reached = f", complete through {dates.utc(through)}" if through else ""
        yield f"{one.center_id}: {WORDS.get(one.reason, one.reason)}{reached}"


def _checks(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        yield f"{outcome.name:<12}{outcome.result}"
        yield from (f"  {_said(finding)}" for finding in outcome.findings[:SHOWN])
        if len(outcome.findings) > SHOWN:
            yield f"  and {len(outcome.findings) - SHOWN} more"


def _rows(report: Report) -> Iterator[str]:
    for line in report.centers:
        usual = report.usual.get(line.center_id)
        compared = "" if usual is None else f", usually {usual}"
        withdrawn = f", {line.dead_letters} withdrawn" if line.dead_letters else ""
        yield f"{line.center_id}: {line.record_count}{compared}{withdrawn}"


def _said(finding: Finding) -> str:
    where = f"{finding.center_id}: " if finding.center_id is not None else ""
    if finding.what.endswith("than usual"):
        return f"{where}{finding.what}, {finding.count} where {finding.of} are"
    first = "" if finding.first_row is None else f", first in row {finding.first_row}"
    return f"{where}{finding.what}: {finding.count} of {finding.of} rows{first}"
