"""`chartfeed tail`: the unified topic in the terminal, as it grows."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from chartfeed.interrupts import told_to_stop
from producers.shown import printable
from schemas import broker, dates, topics
from schemas.codec import Decoder, UnknownSchema
from schemas.errors import Outside, SkipRecord
from schemas.records import UnifiedEntry
from stream_app.sink.rows import parse_key

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings
    from producers.capture.publisher import Options

__all__ = ["tail"]

PATIENCE: Final = 10.0
LONGEST: Final = 60
LOG: Final = logging.getLogger("chartfeed.kafka")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show; nothing given means all."""

    centers: frozenset[str]
    day: date | None

    def fits(self, key: bytes | None) -> bool:
        """Tell whether a record is wanted; one whose key says nothing is, if all are."""
        try:
            day, center, _ = parse_key(key)
        except SkipRecord:
            return not self.centers and self.day is None
        return (not self.centers or center in self.centers) and (
            self.day is None or day == self.day.toordinal()
        )


def _day(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    try:
        return None if value is None else dates.iso(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day such as 2022-01-18") from None


@click.command()
@click.option("--center", "names", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--date", "wanted", metavar="DAY", callback=_day, help="Only that day's rows.")
@click.option(
    "--from",
    "start",
    type=click.Choice(["now", "earliest"]),
    default="now",
    show_default=True,
    help="Where to begin.",
)
@click.option("--max", "most", type=click.IntRange(min=1), help="End after so many.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each record.")
@click.pass_obj
def tail(
    context: Context,
    names: tuple[str, ...],
    wanted: date | None,
    start: str,
    most: int | None,
    *,
    as_json: bool,
) -> int:
    """Follow the unified rows as they are published, until Ctrl-C.

    Reads what is committed, belongs to no group, and leaves no trace. A center need not be
    configured any more.
    """
    settings = context.settings
    decode, options = _Decoding(settings), settings.kafka.client
    shown = 0
    with told_to_stop() as stop, closing(_consumer(settings)) as consumer:
        _assign(consumer, settings, wanted, earliest=start == "earliest")
        for message in _messages(consumer, options, stop):
            if Wanted(frozenset(names), wanted).fits(message.key()):
                click.echo(_json(message, decode) if as_json else _text(message, decode))
                sys.stdout.flush()
                shown += 1
                if shown == most:
                    break
    return 0


def _consumer(settings: Settings) -> Consumer:
    return Consumer(
        {
            "log_level": 0,
            "socket.connection.setup.timeout.ms": 5000,
            **settings.kafka.client,
            "group.id": "chartfeed-tail",  # The client wants one; it is never joined.
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        },
        logger=LOG,
    )


def _assign(consumer: Consumer, settings: Settings, day: date | None, *, earliest: bool) -> None:
    name, options = topics.UNIFIED_ENTRIES.name, settings.kafka.client
    partitions = settings.kafka.topics.partitions
    chosen = range(partitions)
    if day is not None:
        one = topics.partition_of_day(day, partitions)
        chosen = range(one, one + 1)
    try:
        at = [
            TopicPartition(
                name,
                one,
                OFFSET_BEGINNING
                if earliest
                else consumer.get_watermark_offsets(TopicPartition(name, one), timeout=PATIENCE)[1],
            )
            for one in chosen
        ]
        if earliest:
            consumer.get_watermark_offsets(at[0], timeout=PATIENCE)
    except KafkaException as error:
        raise broker.failure(Outside, options, error) from error
    consumer.assign(at)


def _messages(consumer: Consumer, options: Options, stop: threading.Event) -> Iterator[Message]:
    while not stop.is_set():
        for message in consumer.consume(500, timeout=0.1):
            error = message.error()
            if error is not None:
                raise broker.failure(Outside, options, error)
            yield message
            if stop.is_set():
                return


class _Decoding:
    """Reads values, and learns their schemas from the registry."""

    def __init__(self, settings: Settings) -> None:
        self._registry = settings.registry.client()
        self._decoder = Decoder(UnifiedEntry)

    def __call__(self, value: bytes) -> UnifiedEntry:
        try:
            return self._decoder.decode(value)
        except UnknownSchema as unknown:
            self._decoder.learn(unknown.schema_id, self._registry.schema(unknown.schema_id))
        return self._decoder.decode(value)


def _json(message: Message, decode: _Decoding) -> str:
    content: dict[str, Any] = {"partition": message.partition(), "offset": message.offset()}
    value = message.value()
    try:
        if value is not None:
            return orjson.dumps(content | {"entry": decode(value)}).decode()
        ordinal, center, row = parse_key(message.key())
    except SkipRecord as error:
        return orjson.dumps(content | {"unusable": error.reason}).decode()
    gone = {"date": date.fromordinal(ordinal), "center_id": center, "row": row}
    return orjson.dumps(content | {"gone": gone}).decode()


def _text(message: Message, decode: _Decoding) -> str:
    value = message.value()
    try:
        if value is None:
            ordinal, center, row = parse_key(message.key())
            return f"{date.fromordinal(ordinal)}  {center}  entry {printable(row)}  gone"
        entry = decode(value)
    except SkipRecord as error:
        return f"{message.partition()}:{message.offset()}  unusable: {error.reason}"
    insurance = entry.insurance_status
    if entry.insurance_name is not None:
        insurance += f" {entry.insurance_name}"
    text = entry.chart_entry
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    codes = ",".join(entry.service_codes)
    return printable(
        f"{entry.date}  {entry.center_id}  patient {entry.patient_id}  {insurance}  {text}  {codes}"
    ).rstrip()
