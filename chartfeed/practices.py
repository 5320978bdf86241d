"""`chartfeed practices`: load the generated practices into a SQL Server that is there already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from chartfeed import password
from deploy.local import practices as generated
from deploy.local.practices import Loaded, Practice, Request
from producers import connection

__all__ = ["practices"]


@dataclass(frozen=True, slots=True)
class _File:
    """A password's file, as a configuration would name it."""

    password_file: str | None
    password_env: str | None = None
    password_command: str | None = None


@click.command()
@click.option("--server", required=True, metavar="HOST,PORT", help="As centers will name it.")
@click.option("--user", default="sa", show_default=True, help="Who may create databases.")
@click.option("--password-file", required=True, metavar="FILE", help="That user's password.")
@click.option("--reader", default="chartfeed", show_default=True, help="The login to make.")
@click.option("--reader-password-file", required=True, metavar="FILE", help="Its password.")
@click.option("--centers", "path", required=True, type=click.Path(path_type=Path), metavar="FILE")
@click.option("--count", default=30, show_default=True, help="How many; one more is ambiguous.")
@click.option("--patients", default=120, show_default=True, help="Patients in each.")
@click.option("--trust-server-certificate", is_flag=True, help="Where the server signed its own.")
def practices(
    *,
    server: str,
    user: str,
    password_file: str,
    reader: str,
    reader_password_file: str,
    path: Path,
    count: int,
    patients: int,
    trust_server_certificate: bool,
) -> int:
    """Load generated practices into any SQL Server, to try everything out: never a practice's own.

    Databases DentalDB_01 and so on are made, with Change Tracking, and a login that may read them;
    --centers is written last, when all are whole. What is there already stays.
    """
    secrets = [
        password.find(_File(file), whose, Path(), {}, section="practices")
        for whose, file in ((user, password_file), (reader, reader_password_file))
    ]
    admin = connection.Settings(
        center="practices",
        server=server,
        database="master",
        user=user,
        secret=secrets[0],
        trust_server_certificate=trust_server_certificate,
    )
    planned = generated.plan(Request(count=count, patients=patients))

    def tell(practice: Practice, loaded: Loaded) -> None:
        click.echo(f"{practice.center_id}: {loaded.rows:,} rows in {practice.database}")

    with connection.translated("practices"):
        total = generated.load_missing(
            planned,
            generated.connector(admin),
            user=reader,
            password=secrets[1].reveal(),
            say=tell,
        )
    generated.write_centers(path, {server: planned})
    click.echo(f"{total.databases} of {len(planned)} practices loaded; {path} lists all")
    return 0
