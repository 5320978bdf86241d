"""Writes the page that explains every key: `python -m chartfeed.configuration_page`.

Keys, defaults, kinds and limits come from the settings themselves; what each is for is said here.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from annotated_types import Ge, Le, MinLen
from pydantic.fields import FieldInfo

from chartfeed import settings, settings_closing_page

__all__ = ["Key", "keys", "page"]

PASSWORD: Final = {
    "password_env": "The environment variable that holds the password.",
    "password_file": "The file that holds the password, and nothing else.",
    "password_command": "A command line whose output is the password; it has 30 s.",
}
MEANING: Final[Mapping[str, str]] = {
    "kafka.bootstrap": "Where Kafka is: `HOST:PORT`, several with commas.",
    "kafka.options": "Any setting of librdkafka, for all clients; the stream understands those on "
    "security. Never shown.",
    "kafka.user": "The login: librdkafka's `sasl.username`.",
    "kafka.topics.partitions": "Partitions of each topic; never changed once the topics are there.",
    "kafka.topics.replication": "Copies of each topic; from 3 on, two must have a record.",
    "kafka.topics.min_compaction_lag": "How long every change is kept, for replays.",
    "kafka.topics.delete_retention": "How long a deletion is kept; a worker that was away for half "
    "of it rebuilds its state.",
    "registry.url": "The schema registry's Confluent-compatible address; no login in it.",
    "registry.user": "The login, by basic authentication.",
    "registry.token_env": "The environment variable that holds a bearer token.",
    "registry.token_file": "The file that holds a bearer token.",
    "registry.token_command": "A command line whose output is a bearer token.",
    "registry.ca_file": "Certificates (PEM) to trust in place of the system's.",
    "sqlserver.driver": "The ODBC driver's name or path; else an installed driver 18, else the "
    "wheel's.",
    "sqlserver.user": "The login at the practices' servers.",
    "sqlserver.encrypt": "TLS. False is warned of at every start.",
    "sqlserver.trust_server_certificate": "Take any certificate. True is warned of at every start.",
    "centers": "The file that lists the centers.",
    "mappings": "The folder of mappings and of the log of approvals.",
    "producers.poll_interval": "How often a center is asked for changes.",
    "producers.resync_guard": "The share of a table that a resync may delete without being asked.",
    "producers.metrics_port": "Where `chartfeed produce` serves metrics; none where it is not set.",
    "stream.state": "The folder of the workers' state.",
    "stream.flush_interval": "How soon after a change a day's files are written.",
    "traces.endpoint": "Where spans are sent by OTLP over HTTP, such as "
    "`http://127.0.0.1:4318/v1/traces`; none where it is not set. Needs the extra `traces`.",
    "traces.ratio": "The share of the source transactions that are traced.",
    "output.path": "The folder of the daily files, or an object store's address.",
    "output.formats": "What is written for each day.",
    "output.folders": "`month` for a folder such as 2022-01 for each month.",
    "console.host": "Where `chartfeed console` listens.",
    "console.port": "And on which port; 0 takes a free one.",
    "console.folder": "The folder of the users file and of the key that signs cookies.",
    "console.names": "Further names under which browsers reach it, as `console.example.org`.",
    "console.proxies": "Addresses of proxies that sign people in; whoever else says who he is, is "
    "not believed. None: only the users file counts.",
    "console.user_header": "The header in which such a proxy says who it is.",
    "console.proxy_token_file": "The file that holds a token; then a proxy is believed only where "
    "it shows that in `X-Proxy-Token`. Without it, all that runs at its addresses is.",
    "console.proxy_viewers": "True: whom the proxy signs in and the users file does not have may "
    "look at every page. False: is refused.",
    "console.timezone": "The time zone of the pages.",
    "insurance_status": "What KASSEN.ART means; any other value is Selbstzahler.",
    **settings_closing_page.MEANING,
    "id": "Its name everywhere: in topics, files and commands. Never changed.",
    "name": "As people call it; it is in the files.",
    "server": "`HOST,PORT` or `HOST\\INSTANCE`.",
    "database": "The database's name.",
    "city": "For people.",
    "enabled": "False: not captured, and counted nowhere.",
    "timezone": "Where its days begin.",
    "user": "In place of `sqlserver.user`.",
    "driver": "In place of `sqlserver.driver`.",
}
HEAD: Final = """\
# Configuration

Written by `python -m chartfeed.configuration_page`; a test holds it against the settings.

The file is found by `--config`, else `CHARTFEED_CONFIG`, else `./chartfeed.yml`, else what
`chartfeed local up` wrote. Relative paths in it are relative to it. A key that is not known is an
error, with a suggestion. A duration is a number with a unit: `500ms`, `1s`, `2h`, `7d`.

Of the keys for one password the first that is set counts: the variable, the file, the command. No
password is ever in a log, an error, a list of processes or a `repr`.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    name: str
    kind: str
    default: str

    @property
    def meaning(self) -> str:
        """Say what the key is for; an empty text where nobody said it yet."""
        last = self.name.rpartition(".")[2]
        return MEANING.get(self.name) or PASSWORD.get(last, "")


def keys(of: type[Any], prefix: str = "") -> Iterator[Key]:
    """Give every key under a section of the settings, in their order."""
    hints = typing.get_type_hints(of, include_extras=True)
    for field in dataclasses.fields(of):
        hint, name = hints[field.name], f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hint):
            yield from keys(typing.cast("type[Any]", hint), f"{name}.")
        else:
            yield Key(name, _kind(hint), _default(field))


def page() -> str:
    """Give the whole page."""
    file = list(keys(settings._File))  # noqa: SLF001 - its page, in the same package
    parts = [HEAD, "## chartfeed.yml\n", _table(file)]
    parts += ["## The centers file\n", "A list under `centers`, one line a center.\n"]
    parts += [_table(list(keys(settings.Center)))]
    return "\n".join(parts)


def _table(rows: list[Key]) -> str:
    lines = ["| key | value | default | what it is for |", "|---|---|---|---|"]
    lines += [f"| `{key.name}` | {key.kind} | {key.default} | {key.meaning} |" for key in rows]
    return "\n".join(lines) + "\n"


def _default(field: dataclasses.Field[Any]) -> str:
    value: Any = field.default
    if isinstance(value, FieldInfo):
        value = value.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if value is dataclasses.MISSING:
        return "has to be given"
    if value is None:
        return ""
    return f"`{_shown(value)}`" if _shown(value) else ""


def _shown(value: Any) -> str:
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items())
    return str(value)


def _duration(value: timedelta) -> str:
    milliseconds = round(value.total_seconds() * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


NAMES: Final = {
    bool: "true or false",
    dict: "a table",
    float: "number",
    int: "number",
    list: "a list",
    timedelta: "duration",
}


def _kind(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        base, *notes = typing.get_args(hint)
        limits = [limit for note in notes for limit in _limits(note)]
        return " ".join([_kind(base), *limits])
    if origin in {types.UnionType, typing.Union}:
        return " or ".join(_kind(part) for part in typing.get_args(hint) if part is not type(None))
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in typing.get_args(hint))
    if origin is tuple:
        return f"a list of {_kind(typing.get_args(hint)[0])}"
    return NAMES.get(origin or hint, "text")


def _limits(note: Any) -> Iterator[str]:
    for one in note.metadata if isinstance(note, FieldInfo) else [note]:
        if isinstance(one, Ge):
            yield f"from {_shown(one.ge)}"
        elif isinstance(one, Le):
            yield f"to {_shown(one.le)}"
        elif isinstance(one, MinLen) and one.min_length > 1:
            yield f"of at least {one.min_length}"


if __name__ == "__main__":
    sys.stdout.write(page())
