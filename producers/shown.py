"""What of a source may be shown to a person: values that name nobody, shapes of the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from producers.canonical import Kind
from producers.discovery.vocabulary import words

__all__ = ["art", "harmless", "insurer", "masked", "printable", "values"]

# Per kind, what no person can be told by. Nothing here fits three letters of a name, a telephone
# number or a day of birth.
HARMLESS: Final = {
    Kind.ID: re.compile(r"0|-?[1-9]\d{0,5}"),
    Kind.CODE: re.compile(r"\d{1,4}[a-z]{0,2}|[A-ZÄÖÜ]{1,2}\d{1,4}[a-z]?"),
    Kind.ART: re.compile(r"[A-Z]|[A-Z]?\d{1,2}|PKV|GKV", re.IGNORECASE | re.ASCII),
    Kind.FLAG: re.compile(r"-?[01]|[JNYTFWX]|JA|NEIN|YES|NO|TRUE|FALSE", re.IGNORECASE | re.ASCII),
}
# A treatment's month; the day stays hidden, for a column of birthdays looks alike.
MONTH: Final = re.compile(r"(20\d\d(?:0[1-9]|1[0-2]))(?:0[1-9]|[12]\d|3[01])", re.ASCII)
LONGEST: Final = 40
WORDS: Final = re.compile(r"([^\W\d_]+)")
# Of insurers' names, what is no name of a person or a place.
INSURERS: Final = words(
    "AOK BARMER BKK BETRIEBSKRANKENKASSE DAK DEBEKA DKV ERSATZKASSE GESUNDHEIT GESUNDHEITSKASSE "
    "HEK HKK IKK INNUNGSKRANKENKASSE KKH KNAPPSCHAFT KRANKENKASSE KRANKENVERSICHERUNG PRIVAT "
    "SVLFG TECHNIKER TK VERSICHERUNG"
)


def printable(text: str) -> str:
    """Give a text from a database so that a terminal only shows it."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def masked(text: str) -> str:
    """Give a text's shape: letters become a and A, digits 9."""
    return _cut(_shape(text[: LONGEST + 1]))


def insurer(text: str) -> str:
    """Give an insurer's name, of which only words that no person is called by are readable.

    So a reviewer can tell a column of insurers from one of towns, and no name is told.
    """
    parts = WORDS.split(text)
    return _cut("".join(part if part.upper() in INSURERS else _shape(part) for part in parts))


def _shape(text: str) -> str:
    return "".join(
        "A" if sign.isupper() else "a" if sign.isalpha() else "9" if sign.isnumeric() else sign
        for sign in text
    )


def _cut(text: str) -> str:
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")


def harmless(kind: Kind, value: object) -> bool:
    """Tell whether a value of a column of that kind can't tell a person, as it stands."""
    form = HARMLESS.get(kind)
    return value is None or (form is not None and form.fullmatch(str(value).strip()) is not None)


def art(text: str) -> str:
    """Give an insurer's ART as logs and terminals may have it, `blank` for an empty one."""
    return values(Kind.ART, [text])[0] or "blank"


def values(kind: Kind, sample: Sequence[object]) -> list[str]:
    """Give the different values as they are where they are harmless, else their shapes.

    A name proposed by mistake for something else is not shown that way.
    """
    return list(dict.fromkeys(_value(kind, value) for value in sample))


def _value(kind: Kind, value: object) -> str:
    text = "NULL" if value is None else str(value).strip()
    if harmless(kind, value):
        return text
    month = MONTH.fullmatch(text) if kind is Kind.DATE else None
    if month:
        return f"{month[1]}.."
    return insurer(text) if kind is Kind.NAME else masked(text)
