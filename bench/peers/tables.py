"""The join over key-value tables, event by event: what both peers run, each on tables of its own.

It does less than ours does: no whole transactions, no progress, no files. What a place (a
patient's day) has lies under one key, so that an event needs as few of them as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol

from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.insurance import DEFAULT, Status
from schemas.records import ChartEntry, Insurer, PatientInsurance, Service, UnifiedEntry
from schemas.unified import service_codes

__all__ = ["TOPICS", "Join", "Tables"]

ENTRIES, SERVICES = topics.CHART_ENTRIES.name, topics.SERVICES.name
LINKS, INSURERS = topics.PATIENT_INSURANCES.name, topics.INSURERS.name
RECORDS: Final[Mapping[str, type[Any]]] = {
    ENTRIES: ChartEntry,
    SERVICES: Service,
    LINKS: PatientInsurance,
    INSURERS: Insurer,
}
TOPICS: Final = tuple(RECORDS)
MOMENT: Final = datetime(2022, 1, 18, tzinfo=UTC)

Output = tuple[bytes, bytes | None]


class Tables(Protocol):
    """Values of JSON's kinds by text, kept by whoever runs the join."""

    def get(self, key: str) -> Any: ...
    def put(self, key: str, value: Any) -> None: ...


class Join:
    """Source events to unified rows."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._decode: dict[str, Callable[[bytes], Any]] = {}
        for topic, type_ in RECORDS.items():
            decoder: Decoder[Any] = Decoder(type_)
            decoder.learn(ids[topic], avro.load(type_))
            self._decode[topic] = decoder.decode
        self._encode = Encoder(UnifiedEntry, ids[topics.UNIFIED_ENTRIES.name]).encode

    def apply(
        self, tables: Tables, topic: str, key: bytes, value: bytes | None
    ) -> Iterator[Output]:
        """Take one event in, and give the rows that are other ones now."""
        center, _, row = key.decode().partition("/")
        record = None if value is None else self._decode[topic](value)
        if topic == INSURERS:
            yield from self._insurer(tables, center, row, record)
        elif topic == LINKS:
            yield from self._link(tables, center, row, record)
        else:
            yield from self._placed(tables, topic, center, row, record)

    def _placed(
        self, tables: Tables, topic: str, center: str, row: str, record: Any
    ) -> Iterator[Output]:
        part = "entries" if topic == ENTRIES else "services"
        home = f"{part}/{center}/{row}"
        before = tables.get(home)
        now = None
        if record is not None:
            day = record.entry_date if topic == ENTRIES else record.service_date
            now = f"{day.isoformat()}/{center}/{record.patient_id}"
        if before is not None and before != now:
            place = tables.get(before)
            del place[part][row]
            if topic == ENTRIES and place["sent"].pop(row, None) is not None:
                yield f"{before[:10]}/{center}/{row}".encode(), None
            yield from self._rows(tables, before, place)
        if now is not None:
            if now != before:
                tables.put(home, now)
            place = tables.get(now)
            if place is None:
                place = {"entries": {}, "services": {}, "sent": {}}
                self._note_day(tables, center, str(record.patient_id), now)
            place[part][row] = record.chart_entry if topic == ENTRIES else record.code
            yield from self._rows(tables, now, place)
        elif before is not None:
            tables.put(home, None)

    def _note_day(self, tables: Tables, center: str, patient: str, place: str) -> None:
        at = f"patient/{center}/{patient}"
        known = tables.get(at) or {"links": {}, "places": []}
        known["places"].append(place)
        tables.put(at, known)

    def _link(self, tables: Tables, center: str, row: str, record: Any) -> Iterator[Output]:
        home = f"link/{center}/{row}"
        before = tables.get(home)
        now = None if record is None else str(record.patient_id)
        for patient in {before, now} - {None}:
            at = f"patient/{center}/{patient}"
            known = tables.get(at) or {"links": {}, "places": []}
            known["links"].pop(row, None)
            if patient == now:
                insurer = None if record.insurer_id is None else str(record.insurer_id)
                known["links"][row] = insurer
                held = f"holders/{center}/{insurer}"
                holders = tables.get(held) or []
                if patient not in holders:
                    tables.put(held, [*holders, patient])
            tables.put(at, known)
            for place in known["places"]:
                yield from self._rows(tables, place, tables.get(place))
        tables.put(home, now)

    def _insurer(self, tables: Tables, center: str, row: str, record: Any) -> Iterator[Output]:
        tables.put(
            f"insurer/{center}/{row}", None if record is None else [record.name, record.kind]
        )
        for patient in tables.get(f"holders/{center}/{row}") or []:
            for place in tables.get(f"patient/{center}/{patient}")["places"]:
                yield from self._rows(tables, place, tables.get(place))

    def _rows(self, tables: Tables, at: str, place: Any) -> Iterator[Output]:
        """Put a place back, and give those of its rows that are not as they were sent."""
        day, center, patient = at.split("/", 2)
        known = tables.get(f"patient/{center}/{patient}")
        links = known["links"] if known else {}
        insurer = None
        if links:
            insurer = tables.get(f"insurer/{center}/{links[max(links, key=int)]}")
        name, status = None, Status.SELBSTZAHLER
        if insurer:
            name, status = insurer[0], DEFAULT.status(insurer[1])
        codes = list(service_codes((int(at_), code) for at_, code in place["services"].items()))
        changed = []
        for row, text in place["entries"].items():
            content = [text, name, str(status), codes]
            before = place["sent"].get(row)
            if before is None or before[:-1] != content:
                place["sent"][row] = [*content, 1 if before is None else before[-1] + 1]
                changed.append(row)
        tables.put(at, place)
        for row in changed:
            yield f"{day}/{center}/{row}".encode(), self._encoded(center, day, patient, row, place)

    def _encoded(self, center: str, day: str, patient: str, row: str, place: Any) -> bytes:
        text, name, status, codes, revision = place["sent"][row]
        return self._encode(
            UnifiedEntry(
                center_id=center,
                center_name=f"Zahnarztpraxis {center}",
                date=date.fromisoformat(day),
                entry_id=int(row),
                patient_id=int(patient),
                insurance_status=status,
                insurance_name=name,
                chart_entry=text,
                service_codes=tuple(codes),
                revision=revision,
                captured_at=MOMENT,
            )
        )
