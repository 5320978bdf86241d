"""Families of names: how an installation renames its tables and columns."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Protocol

from deploy.local.practice.dice import pick

FAMILIES = ("clean", "suffixed", "one-suffix", "synonyms", "ambiguous", "nameless")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
WORDS = ("42", "NAME", "ART", "ALT")
KEPT = ("ID", "DELKZ")

TABLE_SYNONYMS = {
    "PATIENT": ("PATIENTEN", "PATIENTSTAMM", "PAT_STAMM", "STAMMDATEN"),
    "KASSEN": ("KRANKENKASSE", "KASSE", "VERSICHERER", "KOSTENTRAEGER"),
    "PATKASSE": ("PATIENTKASSE", "PAT_KASSE", "PATIENTENKASSE", "PAT_VERSICHERUNG"),
    "KARTEI": ("KARTEIKARTE", "KARTEIEINTRAG", "EINTRAEGE", "BEHANDLUNGSBLATT"),
    "LEISTUNG": ("LEISTUNGEN", "ZIFFERN", "LEISTUNGSDATEN", "PAT_LEISTUNG"),
}
COLUMN_SYNONYMS = {
    "ID": ("ID", "NR", "LFDNR"),
    "P_NAME": ("NACHNAME", "FAMILIENNAME", "PAT_NAME"),
    "P_VORNAME": ("VORNAME", "RUFNAME", "PAT_VORNAME"),
    "NAME": ("BEZEICHNUNG", "KASSENNAME", "NAME1"),
    "ART": ("TYP", "KASSENART", "VERSART"),
    "PATNR": ("PAT_NR", "PATIENTENNUMMER", "PATIENT_ID", "PATIENTNR"),
    "PATIENTID": ("PAT_ID", "PATIENTENNUMMER", "PATIENT_NR"),
    "KASSENID": ("KASSE_ID", "KASSENNR", "VERSICHERER_ID"),
    "DATUM": ("TAG", "EINTRAGSDATUM", "BEH_DATUM", "DATUM1"),
    "BEMERKUNG": ("EINTRAG", "NOTIZ", "BEMERKUNGEN", "FREITEXT"),
    "LEISTUNG": ("ZIFFER", "LEISTUNGSNR", "GEBNR", "CODE"),
    "DELKZ": ("GELOESCHT", "DEL", "STORNO"),
}
ACTIVE = "AKTIV"


class Namer(Protocol):
    """Gives the actual name for a clean one; names within one scope never repeat."""

    def table(self, clean: str) -> str: ...

    def columns(self, clean: Iterable[str]) -> tuple[str, ...]: ...


def suffix(dice: random.Random) -> str:
    """Give a suffix of 2 to 4 characters; now and then it looks like a word."""
    if dice.random() < 0.06:
        return pick(dice, WORDS)
    return "".join(pick(dice, LETTERS) for _ in range(dice.randint(2, 4)))


class Clean:
    """Every name as it came from the maker."""

    def table(self, clean: str) -> str:
        return clean

    def columns(self, clean: Iterable[str]) -> tuple[str, ...]:
        return tuple(clean)


class Suffixed:
    """Every table and every column has a suffix of its own; ID and DELKZ keep their names."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._taken: set[str] = set()

    def table(self, clean: str) -> str:
        return self._suffixed(clean, self._taken)

    def columns(self, clean: Iterable[str]) -> tuple[str, ...]:
        taken: set[str] = set()
        return tuple(name if name in KEPT else self._suffixed(name, taken) for name in clean)

    def _suffixed(self, name: str, taken: set[str]) -> str:
        return _free(taken, lambda: f"{name}_{suffix(self._dice)}")


class OneSuffix:
    """One suffix for the whole center; ID and DELKZ keep their names."""

    def __init__(self, dice: random.Random) -> None:
        self._suffix = "".join(pick(dice, LETTERS) for _ in range(dice.randint(2, 4)))

    def table(self, clean: str) -> str:
        return f"{clean}_{self._suffix}"

    def columns(self, clean: Iterable[str]) -> tuple[str, ...]:
        return tuple(name if name in KEPT else f"{name}_{self._suffix}" for name in clean)


class Synonyms:
    """Another word for each of the five tables and their columns; the rest is clean."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._words = {word: pick(dice, others) for word, others in COLUMN_SYNONYMS.items()}

    def table(self, clean: str) -> str:
        return pick(self._dice, TABLE_SYNONYMS.get(clean, (clean,)))

    def columns(self, clean: Iterable[str]) -> tuple[str, ...]:
        """Name the columns; the same word has the same synonym in all tables of the center."""
        return tuple(self._words.get(name, name) for name in clean)


class Nameless:
    """Names that say nothing at all."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._taken: set[str] = set()

    def table(self, clean: str) -> str:  # noqa: ARG002 - that is the point of this family
        return _free(
            self._taken, lambda: "T_" + "".join(pick(self._dice, LETTERS) for _ in range(3))
        )

    def columns(self, clean: Iterable[str]) -> tuple[str, ...]:
        taken: set[str] = set()
        return tuple(_free(taken, lambda: f"C{self._dice.randint(1, 99)}") for _ in clean)


def namer(family: str, dice: random.Random) -> Namer:
    """Give the namer of a family; an ambiguous center is a suffixed one with a rival added."""
    match family:
        case "clean":
            return Clean()
        case "one-suffix":
            return OneSuffix(dice)
        case "synonyms":
            return Synonyms(dice)
        case "nameless":
            return Nameless(dice)
        case _:
            return Suffixed(dice)


def _free(taken: set[str], throw: Callable[[], str]) -> str:
    while (name := throw()) in taken:
        pass
    taken.add(name)
    return name
