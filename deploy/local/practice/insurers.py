"""The catalogue of insurers, KASSEN, as a practice has it."""

# ruff: noqa: RUF001 - people, insurers and texts are spelled the way practices spell them
from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, count, islice

from deploy.local.practice.centers import CITIES
from deploy.local.practice.dice import pick
from deploy.local.practice.people import writable

AOK, DAK, TK, PRIVAT, BARMER = range(5)
BASELINE = (
    ("AOK Bayern", "1"),
    ("DAK Gesundheit", "2"),
    ("Techniker Krankenkasse", "3"),
    ("PRIVAT", "P"),
    ("Barmer", "2"),
)
KNOWN = (
    ("AOK Baden-Württemberg", "1"), ("AOK Hessen", "1"), ("AOK Niedersachsen", "1"),
    ("AOK PLUS", "1"), ("AOK Rheinland/Hamburg", "1"), ("AOK Nordost", "1"),
    ("IKK classic", "5"), ("IKK Südwest", "5"), ("IKK gesund plus", "5"), ("KNAPPSCHAFT", "6"),
    ("SVLFG Landwirtschaftliche Krankenkasse", "7"), ("KKH Kaufmännische Krankenkasse", "3"),
    ("hkk Krankenkasse", "3"), ("HEK – Hanseatische Krankenkasse", "3"), ("BKK Pfalz", "4"),
    ("BKK VBU „Meine Krankenkasse“", "4"), ("Mobil Krankenkasse", "4"), ("SBK", "4"),
    ("Debeka", "P"), ("DKV Deutsche Krankenversicherung", "P"), ("Allianz Private", "P"),
    ("AXA Krankenversicherung", "P"), ("SIGNAL IDUNA", "P"), ("HUK-COBURG", "P"),
    ("Hallesche", "P"), ("Süddeutsche Krankenversicherung", "P"), ("R+V; Kranken", "P"),
    ("Österreichische Gesundheitskasse", "8"), ("SVS Sozialversicherung", "8"), ("BVAEB", "8"),
    ("CSS Versicherung", "P"), ("Helsana", "P"), ("Sozialamt", "C"), ("Beihilfe", "B"),
    ("Bundeswehr", "D"), ("Polizei – Heilfürsorge", "D"), ("BG Bau", "C"), ("Jugendamt", "C"),
    ("Selbstzahler", None), ("Firma, auf Rechnung", None), ("Auslandskrankenschein", "9"),
)  # fmt: skip
BRANCHES = (
    ("BKK", "4"),
    ("AOK Geschäftsstelle", "1"),
    ("Stadtwerke BKK", "4"),
    ("Innungskrankenkasse", "5"),
    ("Versorgungskasse", "P"),
    ("Sozialamt", "C"),
    ("Beamtenkrankenkasse", "P"),
)
LONG = {"P": ("PKV", "P", "p"), "1": ("GKV", "G", "1", "gkv "), "3": ("3", " 3")}


def catalogue(
    size: int, dice: random.Random, *, unicode: bool, art: str
) -> list[tuple[str, str | None]]:
    """Give name and ART of each insurer: the five of the baseline, the known ones, the rest.

    A wide ART column holds spellings too (`PKV`, `gkv `), and a few values nobody can explain.
    """
    rows: list[tuple[str, str | None]] = list(BASELINE)
    puzzling = ("X", "0") if art == "char(1)" else ("X", "0", "")
    for name, kind in islice(chain(KNOWN, _branches()), size - len(rows)):
        value = kind
        if value is not None and art != "char(1)" and dice.random() < 0.2:
            value = pick(dice, LONG.get(value, (value,)))
        if dice.random() < 0.01:
            value = pick(dice, puzzling)
        rows.append((writable(name, unicode=unicode), value))
    return rows


def _branches() -> Iterator[tuple[str, str]]:
    """Give company funds and branch offices by city, without end."""
    for turn in count():
        for stem, kind in BRANCHES:
            for city in CITIES:
                yield f"{stem} {city}{f' {turn + 1}' if turn else ''}", kind
