"""Generated people. Their names lie in PATIENT and nowhere else."""

# ruff: noqa: RUF001 - people, insurers and texts are spelled the way practices spell them
from __future__ import annotations

import random

from deploy.local.practice.dice import pick

SURNAMES = (
    "Müller", "Schmidt", "Schröder", "Weiß", "Köhler", "König", "Jäger", "Groß", "Krüger", "Böhm",
    "Günther", "Schäfer", "Vögele", "Öztürk", "Yılmaz", "Kowalski", "Nguyen", "Huber", "Gruber",
    "Brändli", "Zürcher", "Aebischer", "Steiner", "Pölzl", "Hofstätter", "Löwe", "Fuchs", "Bär",
    "Schönfeld", "Thiele", "Möller", "Küçük", "van den Berg", "Lefèvre", "Novák", "Ćosić",
    "Straßer",
    "Ärztl", "Überall", "Lüders", "Meißner", "Becker", "Wagner", "Hartmann", "Lange", "Krause",
)  # fmt: skip
FIRST_NAMES = (
    "Jürgen", "Käthe", "Björn", "Anna", "Zoë", "René", "Günter", "Hedwig", "Sören", "Mia", "Noël",
    "Ayşe", "Jörg", "Bärbel", "Rüdiger", "Ute", "Ömer", "Leïla", "Hans-Peter", "Marlène", "Götz",
    "Luise", "Emil", "Frieda", "Matthäus", "Chloé", "Uwe", "Gisela", "Lukáš", "Małgorzata", "Tim",
)  # fmt: skip


def writable(text: str, *, unicode: bool) -> str:
    """Give the text as a column of the center can hold it: without Unicode it is Windows-1252."""
    if unicode:
        return text
    return text.translate(SPELLED).encode("cp1252", errors="ignore").decode("cp1252")


SPELLED = str.maketrans("ıŞşČčĆćŁłŚśŻżŹźĘęĄąŘřŇňĞğİ", "iSsCcCcLlSsZzZzEeAaRrNnGgI")


def person(dice: random.Random, *, unicode: bool) -> tuple[str, str]:
    """Give a surname and a first name."""
    return (
        writable(pick(dice, SURNAMES), unicode=unicode),
        writable(pick(dice, FIRST_NAMES), unicode=unicode),
    )
