"""`chartfeed console`: pages in the browser, and who may sign in to them."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from chartfeed import logs
from chartfeed.console.access import Access
from chartfeed.console.proxy import Proxy, token_in
from chartfeed.console.roles import Role
from chartfeed.console.session import Keys
from chartfeed.console.users import User, Users, hashed, named
from schemas.errors import BadInput

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings

__all__ = ["console"]

# Below what the pipeline gets, when both want the processor.
NICENESS: Final = 10
HERE: Final = ("127.0.0.1", "localhost", "[::1]")


@click.group(invoke_without_command=True)
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="0 takes a free one.")
@click.option("--host", metavar="ADDRESS", help="Where it listens; else this machine alone.")
@click.option("--certificate", type=click.Path(path_type=Path), help="Speak TLS: chain (PEM).")
@click.option("--key", type=click.Path(path_type=Path), help="The certificate's key (PEM).")
@click.pass_context
def console(
    ctx: click.Context,
    port: int | None,
    host: str | None,
    certificate: Path | None,
    key: Path | None,
) -> int:
    """Show centers, mappings, days and metrics in the browser, until Ctrl-C.

    Sign-in is by a local users file (`chartfeed console user add NAME --role operator`) or by a
    proxy that the configuration trusts. It is a process of its own at a low priority: it can be
    killed, or asked too much, and the pipeline does not notice.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    context: Context = ctx.obj
    given = context.settings.console
    host = given.host if host is None else host
    port = given.port if port is None else port
    if (certificate is None) != (key is None):
        raise BadInput("a certificate needs its key, and a key its certificate", hint="give both")
    is_readable = certificate is None and not _is_here(host)
    if is_readable and not given.proxies:
        raise BadInput(
            f"at {host} passwords would cross the network readably",
            hint="--certificate FILE --key FILE, or a proxy with TLS in console.proxies",
        )
    logs.configure(sys.stderr)
    proxy = _proxy(context.settings)
    only = proxy if is_readable else None
    return _serve(context.settings, host, port, tls=(certificate, key), proxy=proxy, only=only)


def _serve(
    settings: Settings,
    host: str,
    port: int,
    *,
    tls: tuple[Path | None, Path | None],
    proxy: Proxy | None,
    only: Proxy | None,
) -> int:
    """Serve by TLS where there is a certificate, and `only` through a proxy where that is given."""
    # Loaded late: `console user` needs none of it.
    import uvicorn  # noqa: PLC0415

    from chartfeed.console.app import Console, application  # noqa: PLC0415
    from chartfeed.console.history import History  # noqa: PLC0415
    from chartfeed.console.live import Live  # noqa: PLC0415
    from chartfeed.console.looking import Reader  # noqa: PLC0415
    from chartfeed.console.pages import Pages  # noqa: PLC0415

    folder, zone = _folder(settings), ZoneInfo(settings.console.timezone)
    access = Access(Users(folder), Keys.kept_in(folder), proxy)
    os.nice(NICENESS)
    with _listening(host, port) as listening, closing(Reader(settings, zone)) as reader:
        live = Live(reader, History(center.id for center in settings.centers))
        app = application(
            Console(settings, access, live, zone, Pages()),
            hosts=[*HERE, host, *settings.console.names],
            only=only,
        )
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=tls[0],
            ssl_keyfile=tls[1],
        )
        shown = f"[{host}]" if ":" in host else host
        scheme = "http" if tls[0] is None else "https"
        click.echo(f"{scheme}://{shown}:{listening.getsockname()[1]}")
        if not access.users.all() and access.proxy is None:
            click.echo("nobody can sign in yet: chartfeed console user add NAME --role operator")
        uvicorn.Server(config).run(sockets=[listening])
    return 0


def _folder(settings: Settings) -> Path:
    return settings.path.parent / settings.console.folder


def _proxy(settings: Settings) -> Proxy | None:
    given = settings.console
    if not given.proxies:
        if given.proxy_token_file is not None:
            raise BadInput(
                "console.proxy_token_file is the token of a proxy, and there is none",
                hint="list its addresses in console.proxies",
            )
        return None
    token = given.proxy_token_file
    return Proxy(
        frozenset(given.proxies),
        given.user_header,
        None if token is None else token_in(settings.path.parent / token),
        given.proxy_viewers,
    )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        # Before its address is said: who asks at once waits, and is not refused.
        found.listen()
    except OSError as error:
        found.close()
        raise BadInput(
            f"the console can't listen on {host}:{port}: {error.strerror}",
            hint="chartfeed console --port 0   (takes a free one)",
        ) from error
    return found


@console.group()
def user() -> None:
    """Who may sign in, and in which roles."""


_role = click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="Repeatable; everybody who signs in may look.",
)


@user.command()
@click.argument("name")
@_role
@click.option("--no-password", is_flag=True, help="For somebody whom the proxy signs in.")
@click.pass_obj
def add(context: Context, name: str, roles: tuple[str, ...], *, no_password: bool) -> int:
    """Add a user, or replace one; the password comes from a prompt, or from standard input."""
    users = Users(_folder(context.settings))
    one = named(name)
    kept = None if no_password else hashed(_password(one))
    users.put(User(one, frozenset(map(Role, roles)), kept))
    click.echo(f"{one}: may sign in as {', '.join(sorted(roles)) or 'viewer'}")
    return 0


@user.command("list")
@click.pass_obj
def list_(context: Context) -> int:
    """List the users and their roles."""
    for one in Users(_folder(context.settings)).all().values():
        said = ", ".join(sorted(one.roles)) or "viewer"
        click.echo(f"{one.name}: {said}{'' if one.password else ' (by the proxy)'}")
    return 0


@user.command()
@click.argument("name")
@click.pass_obj
def remove(context: Context, name: str) -> int:
    """Take a user away; a session that is open ends with the next click."""
    Users(_folder(context.settings)).remove(name)
    click.echo(f"{name}: can't sign in any more")
    return 0


@user.command("roles")
@click.argument("name")
@_role
@click.pass_obj
def roles_(context: Context, name: str, roles: tuple[str, ...]) -> int:
    """Give a user these roles, and no others."""
    Users(_folder(context.settings)).set_roles(name, frozenset(map(Role, roles)))
    click.echo(f"{name}: {', '.join(sorted(roles)) or 'viewer'}")
    return 0


def _password(name: str) -> str:
    if sys.stdin.isatty():
        found: str = click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True)
        return found
    return sys.stdin.readline().rstrip("\r\n")
