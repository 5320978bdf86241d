"""`chartfeed doctor`: all that a bug report needs, and nothing that must stay in the house."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from chartfeed.doctor import configuration, machine, reach
from chartfeed.doctor import text as doctor_text
from producers import files
from schemas import dates
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings

__all__ = ["FORMAT", "collect", "doctor", "is_well"]

FORMAT: Final = 1


def collect(settings: Settings, log: Path | None, limit: float) -> dict[str, Any]:
    """Give the report; what does not answer within `limit` seconds is told as such."""
    answers = reach.ask(reach.questions(settings), limit)
    found = None if log is None else machine.read_log(log)
    return {
        "format": FORMAT,
        "at": dates.utc(datetime.now(UTC)),
        "versions": machine.versions(),
        "configuration": configuration.shown(settings),
        "answers": {name: answer.as_json() for name, answer in answers.items()},
        "state": machine.states(settings),
        "disks": machine.disks(settings),
        "log": None if found is None else found.warnings,
        "log_lines_read": None if found is None else found.read,
    }


def is_well(report: dict[str, Any]) -> bool:
    """Tell whether all was reached, topics are as declared, and no center needs somebody."""
    answers = report["answers"]
    if not all(answer["reached"] for answer in answers.values()):
        return False
    return not answers["topics"]["found"]["differences"] and not any(
        center["needs_somebody"] for center in answers["centers"]["found"]
    )


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report for a bug: a .zip, or a .json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A log of JSON lines, whose last warnings and errors are told without their values.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 300),
    default=15.0,
    show_default=True,
    help="How long everything together may take to answer.",
)
@click.pass_obj
def doctor(
    context: Context, output: Path | None, log: Path | None, seconds: float, *, as_json: bool
) -> int:
    """Look at everything at once, and put it together for a bug report.

    Left out are passwords and tokens, addresses, logins, paths, names of practices, and every
    error's own words; of patients there is nothing. Exit 1 if something is not as it should be.
    """
    if output is not None and output.suffix not in {".json", ".zip"}:
        raise BadInput(f"{output} is no .json and no .zip", hint="--output report.zip")
    try:
        settings = context.settings
    except ChartfeedError:
        click.echo(doctor_text.versions(machine.versions()))
        raise
    report = collect(settings, log, seconds)
    document = orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    text = doctor_text.whole(report)
    click.echo(document.decode() if as_json else text, nl=False)
    if output is not None:
        files.replace(output, _zipped(document, text) if output.suffix == ".zip" else document)
        click.echo(f"wrote {output}", err=True)
    return 0 if is_well(report) else 1


def _zipped(document: bytes, text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.json", document)
        archive.writestr("report.txt", text)
    return content.getvalue()
