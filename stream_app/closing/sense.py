"""The checks on what rows say together: the same twice, what is not found, what can't be meant."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import orjson

from stream_app.closing.content import Row
from stream_app.closing.tally import Finding, Tally, is_blank
from stream_app.closing.thresholds import Duplicates, References, Values

__all__ = ["DuplicatesCheck", "ReferencesCheck", "ValuesCheck"]

INSURED: Final = ("GKV", "PKV")
# What a text has after it was read in a wrong encoding, or cut, and what no person types.
UNREADABLE: Final = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f]")


class DuplicatesCheck:
    """Rows that are the same in everything; and a service code that is twice in a row."""

    SAME: Final = "a row that is the same as another"

    def __init__(self, given: Duplicates) -> None:
        self._given = given
        self._seen: set[bytes] = set()
        self._tally = Tally()

    def see(self, row: Row, number: int) -> None:
        center = self._tally.row(row)
        key = hashlib.blake2b(orjson.dumps(row, default=str), digest_size=16).digest()
        if key in self._seen:
            self._tally.add(center, self.SAME, number)
        self._seen.add(key)
        codes = row.get("service_codes")
        if isinstance(codes, list) and len(set(map(str, codes))) < len(codes):
            self._tally.add(center, "a service code twice in a row", number)

    def found(self) -> list[Finding]:
        many = []
        for center, rows in sorted(self._tally.rows.items()):
            count = self._tally.count(center, self.SAME)
            if count > max(self._given.margin, self._given.share * rows):
                many.append(self._tally.finding(center, self.SAME))
        return self._tally.found(but={self.SAME}) + many


class ReferencesCheck:
    """Where hardly a row finds an insurer or a service, a table was not joined.

    And who is insured is so by somebody who has a name.
    """

    def __init__(self, given: References) -> None:
        self._given = given
        self._tally = Tally()
        self._insured: Counter[str] = Counter()
        self._served: Counter[str] = Counter()

    def see(self, row: Row, number: int) -> None:
        center = self._tally.row(row)
        is_named = not is_blank(row.get("insurance_name"))
        self._insured[center] += is_named
        self._served[center] += bool(row.get("service_codes"))
        if not is_named and row.get("insurance_status") in INSURED:
            self._tally.add(center, "an insurance without a name", number)

    def found(self) -> list[Finding]:
        given = self._given
        wanted = (
            ("rows without an insurer", self._insured, given.insurers),
            ("rows without a service", self._served, given.services),
        )
        few = [
            Finding(center, what, rows - having[center], rows)
            for center, rows in sorted(self._tally.rows.items())
            if rows >= given.rows
            for what, having, share in wanted
            if having[center] < share * rows
        ]
        return self._tally.found() + few


class ValuesCheck:
    """Centers are known by their names, codes look like codes, and texts can be read."""

    def __init__(self, given: Values, names: Mapping[str, str]) -> None:
        self._codes = re.compile(given.codes)
        self._names = names
        self._tally = Tally()

    def see(self, row: Row, number: int) -> None:
        center = self._tally.row(row)
        if center not in self._names:
            self._tally.add(center, "a center that is not configured", number)
        elif row.get("center_name") != self._names[center]:
            self._tally.add(center, "another name than the configured one", number)
        for code in _codes(row.get("service_codes")):
            if not self._codes.fullmatch(code):
                self._tally.add(center, "a service code that looks like none", number)
        for column in ("insurance_name", "chart_entry"):
            text = row.get(column)
            if isinstance(text, str) and UNREADABLE.search(text):
                self._tally.add(center, f"unreadable characters in {column}", number)
        patient = row.get("patient_id")
        if isinstance(patient, str) and patient != patient.strip():
            self._tally.add(center, "blanks around patient_id", number)

    def found(self) -> list[Finding]:
        return self._tally.found()


def _codes(value: object) -> list[str]:
    """Give the codes; a CSV has them joined in one text."""
    if not isinstance(value, list | tuple):
        return []
    return [code for one in value if isinstance(one, str) for code in one.split(",")]
