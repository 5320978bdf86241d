"""What of a configuration leaves data or passwords unprotected on a network."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chartfeed.broker import is_encrypted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chartfeed.settings import Settings

__all__ = ["warnings"]


def warnings(settings: Settings) -> list[str]:
    """Give a sentence for each; what stays on this machine is exposed to nobody."""
    return [
        *_of_sources(settings),
        *_of_kafka(settings),
        *_of_registry(settings),
        *_of_notices(settings),
    ]


def _of_sources(settings: Settings) -> Iterator[str]:
    server = settings.sqlserver
    away = {one.server for one in settings.centers if not _is_here(_host(one.server))}
    if not away:
        return
    if not server.encrypt:
        yield (
            "sqlserver.encrypt is false: what is read from the practices crosses the network "
            "for anybody to read"
        )
    elif server.trust_server_certificate:
        yield (
            "sqlserver.trust_server_certificate is true: nobody checks that the server is the "
            "practice's; whoever answers in its place gets the password"
        )


def _of_kafka(settings: Settings) -> Iterator[str]:
    given = settings.kafka.given
    brokers = [_host(address) for address in given.bootstrap.split(",")]
    if all(_is_here(host) for host in brokers):
        return
    if not is_encrypted(given.options):
        yield "kafka.options has no security.protocol with TLS: charts cross the network readably"
    elif str(given.options.get("enable.ssl.certificate.verification", True)).lower() == "false":
        yield "enable.ssl.certificate.verification is false: nobody checks who the broker is"
    elif str(given.options.get("ssl.endpoint.identification.algorithm", "")).lower() == "none":
        yield "ssl.endpoint.identification.algorithm is none: any certified host may be the broker"


def _of_registry(settings: Settings) -> Iterator[str]:
    given = settings.registry.given
    address = urlsplit(given.url)
    has_login = given.user is not None or given.token_env or given.token_file or given.token_command
    if has_login and address.scheme == "http" and not _is_here(address.hostname or ""):
        yield "registry.url is no https: the registry's password crosses the network readably"


def _of_notices(settings: Settings) -> Iterator[str]:
    email = settings.notices.email
    if email.host is not None and not email.starttls and not _is_here(email.host):
        yield "notices.email.starttls is false: notices, and a login, cross the network readably"
    for name, given in (("webhook", settings.notices.webhook), ("slack", settings.notices.slack)):
        url = urlsplit(given.url or "")
        if url.scheme == "http" and not _is_here(url.hostname or ""):
            beside = "notices, and a token, cross the network readably"
            yield f"notices.{name}.url is no https: {beside}"


def _host(server: str) -> str:
    r"""Give the host of `tcp:HOST\INSTANCE,PORT`, `HOST:PORT` or `[ADDRESS]:PORT`."""
    text = server.strip().removeprefix("tcp:").split(",")[0].split("\\")[0].split("://")[-1]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _is_here(host: str) -> bool:
    if host.casefold() in {"localhost", "(local)", "."}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
