"""The configuration, read once: where it is found, what it may say, what it means."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from chartfeed import password
from chartfeed.broker import Broker
from chartfeed.kinds import STRICT, Duration, Name, Text, Timezone
from chartfeed.password import Secret
from chartfeed.registry import Place
from chartfeed.settings_closing import Closing, Notices
from schemas import document
from schemas.errors import BadInput
from stream_app.closing.thresholds import Checks

__all__ = [
    "Center",
    "Console",
    "Kafka",
    "Output",
    "Producers",
    "Registry",
    "Settings",
    "SqlServer",
    "Stream",
    "Topics",
    "Traces",
    "find",
    "load",
]


@dataclass(frozen=True, slots=True, config=STRICT)
class Topics:
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 12
    replication: Annotated[int, Field(ge=1, le=10)] = 1
    min_compaction_lag: Duration = timedelta(days=7)
    delete_retention: Duration = timedelta(days=14)


@dataclass(frozen=True, slots=True, config=STRICT)
class Kafka:
    """`options` are librdkafka's; the user and the password become its sasl.username and so on."""

    bootstrap: Text = "127.0.0.1:9092"
    options: dict[str, str | int | float | bool] = field(default_factory=dict, repr=False)
    user: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    password_command: str | None = None
    topics: Topics = field(default_factory=Topics)


@dataclass(frozen=True, slots=True, config=STRICT)
class Registry:
    """A user with a password, or a token, or neither; `ca_file` where the system's do not do."""

    url: Text = "http://127.0.0.1:8081/apis/ccompat/v7"
    user: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    password_command: str | None = None
    token_env: str | None = None
    token_file: str | None = None
    token_command: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, config=STRICT)
class SqlServer:
    """How to reach the practices' servers; a center may say some of it for itself."""

    driver: str | None = None
    user: Text = "chartfeed"
    password_env: str | None = None
    password_file: str | None = None
    password_command: str | None = None
    encrypt: bool = True
    trust_server_certificate: bool = False


@dataclass(frozen=True, slots=True, config=STRICT)
class Center:
    id: Name
    name: Text
    server: Text
    database: Text
    city: str | None = None
    enabled: bool = True
    timezone: Timezone = "Europe/Berlin"
    user: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    password_command: str | None = None
    driver: str | None = None


@dataclass(frozen=True, slots=True, config=STRICT)
class Producers:
    poll_interval: Annotated[
        Duration, Field(ge=timedelta(milliseconds=50), le=timedelta(hours=1))
    ] = timedelta(milliseconds=500)
    resync_guard: Annotated[float, Field(ge=0, le=1)] = 0.2
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None


@dataclass(frozen=True, slots=True, config=STRICT)
class Stream:
    state: str = "state/"
    flush_interval: Duration = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, config=STRICT)
class Traces:
    """Spans go to a collector by OTLP over HTTP; without an endpoint there are none."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^@]+$")] | None = None
    ratio: Annotated[float, Field(ge=0, le=1)] = 0.01


@dataclass(frozen=True, slots=True, config=STRICT)
class Output:
    path: Text = "output/"
    formats: Annotated[tuple[Literal["csv", "json", "parquet"], ...], Field(min_length=1)] = (
        "csv",
        "json",
    )
    folders: Literal["month"] | None = None
    """`month` for a folder such as 2022-01 for each month."""

    @property
    def by_month(self) -> bool:
        return self.folders == "month"


@dataclass(frozen=True, slots=True, config=STRICT)
class Console:
    """Who may see the pages, and how they are reached; `proxies` are believed as to who it is."""

    host: Text = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8100
    folder: Text = "console/"
    names: list[Text] = field(default_factory=list)
    proxies: list[Text] = field(default_factory=list)
    user_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "X-Remote-User"
    proxy_token_file: str | None = None
    proxy_viewers: bool = False
    timezone: Timezone = "Europe/Berlin"


Status = Literal["GKV", "PKV", "Selbstzahler"]
_STATUTORY = (*"123456789", "G", "GKV")


def _status_table() -> dict[str, Status]:
    table: dict[str, Status] = {"P": "PKV", "PKV": "PKV"}
    for code in _STATUTORY:
        table[code] = "GKV"
    return table


@dataclass(frozen=True, slots=True, config=STRICT)
class _File:
    kafka: Kafka = field(default_factory=Kafka)
    registry: Registry = field(default_factory=Registry)
    sqlserver: SqlServer = field(default_factory=SqlServer)
    centers: Text = "centers.yml"
    mappings: Text = "mappings/"
    producers: Producers = field(default_factory=Producers)
    stream: Stream = field(default_factory=Stream)
    traces: Traces = field(default_factory=Traces)
    output: Output = field(default_factory=Output)
    console: Console = field(default_factory=Console)
    insurance_status: dict[str, Status] = field(default_factory=_status_table)
    checks: Checks = field(default_factory=Checks)
    closing: Closing = field(default_factory=Closing)
    notices: Notices = field(default_factory=Notices)


@dataclass(frozen=True, slots=True, config=STRICT)
class _Centers:
    centers: list[Center]


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process needs to know, with paths made absolute; handed down, never global."""

    path: Path
    kafka: Broker
    registry: Place
    sqlserver: SqlServer
    mappings: Path
    producers: Producers
    stream: Stream
    traces: Traces
    state: Path
    output: Output
    console: Console
    insurance_status: dict[str, Status]
    checks: Checks
    closing: Closing
    notices: Notices
    centers_path: Path
    centers: tuple[Center, ...]
    environment: dict[str, str] = dataclasses.field(repr=False)

    def center(self, center_id: str) -> Center:
        """Return the center of that id, or say which there are."""
        for center in self.centers:
            if center.id == center_id:
                return center
        known = ", ".join(center.id for center in self.centers) or "none"
        raise BadInput(
            f"there is no center {center_id!r} in {self.centers_path}",
            hint=f"use one of: {known}",
            center=center_id,
        )

    def select(self, center_ids: tuple[str, ...]) -> tuple[Center, ...]:
        """Return the centers named, or all that are enabled where none is named."""
        if center_ids:
            return tuple(self.center(center_id) for center_id in dict.fromkeys(center_ids))
        return tuple(center for center in self.centers if center.enabled)

    def password(self, center: Center) -> Secret:
        """Return a center's password from where the configuration says it is."""
        own = (center.password_env, center.password_file, center.password_command)
        given = center if any(own) else self.sqlserver
        return password.find(given, center.id, self.path.parent, self.environment)

    @property
    def output_path(self) -> str:
        """Return the output folder as an absolute path, or its URL as it is."""
        if "://" in self.output.path:
            return self.output.path
        return str(self.path.parent / self.output.path)


def find(option: str | None, environment: Mapping[str, str], folder: Path, local: Path) -> Path:
    """Return the configuration file: the option, the environment, this folder, the local stack."""
    for source, named in (
        ("--config", option),
        ("CHARTFEED_CONFIG", environment.get("CHARTFEED_CONFIG")),
    ):
        if named:
            path = Path(named)
            if not path.is_file():
                raise BadInput(f"{source} names {named}, which is no file", hint="name one")
            return path
    looked = dict.fromkeys((folder / "chartfeed.yml", local))
    for path in looked:
        if path.is_file():
            return path
    raise BadInput(
        "no configuration: neither --config nor CHARTFEED_CONFIG is given, "
        f"and there is no {' and no '.join(map(str, looked))}",
        hint="chartfeed local up   (starts everything on this machine and writes one)",
    )


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the file at `path` and its centers file give."""
    path = path.absolute()
    base = path.parent
    file = document.parse(_read(path), _File, name=str(path))
    centers_path = base / file.centers
    listed = document.parse(_read(centers_path), _Centers, name=str(centers_path)).centers
    _refuse_twins(listed, centers_path)
    status = {code.strip().upper(): value for code, value in file.insurance_status.items()}
    return Settings(
        path=path,
        kafka=Broker(file.kafka, base, environment),
        registry=Place(file.registry, base, environment),
        sqlserver=file.sqlserver,
        mappings=base / file.mappings,
        producers=file.producers,
        stream=file.stream,
        traces=file.traces,
        state=base / file.stream.state,
        output=file.output,
        console=file.console,
        insurance_status=status,
        checks=file.checks,
        closing=file.closing,
        notices=file.notices,
        centers_path=centers_path,
        centers=tuple(listed),
        environment=dict(environment),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8: {error}", hint=f"save {path} as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}", hint=f"create {path}") from error


def _refuse_twins(centers: list[Center], path: Path) -> None:
    ids: set[str] = set()
    places: dict[tuple[str, str], str] = {}
    for center in centers:
        if center.id.casefold() in ids:
            raise BadInput(f"{path}: the center {center.id} is listed twice", hint="keep one line")
        ids.add(center.id.casefold())
        place = (center.server.casefold(), center.database.casefold())
        if place in places:
            raise BadInput(
                f"{path}: {places[place]} and {center.id} name the same database "
                f"{center.database} on {center.server}",
                hint="keep one of the two lines",
            )
        places[place] = center.id
