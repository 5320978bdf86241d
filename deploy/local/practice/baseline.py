"""The rows that every practice has on the same two days, so that results can be told beforehand."""

# ruff: noqa: RUF001 - people, insurers and texts are spelled the way practices spell them
from __future__ import annotations

from dataclasses import dataclass

from deploy.local.practice import insurers

DAYS = (20220118, 20220119)
PATIENTS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Visit:
    """One patient on a baseline day: the insurer by its place in the catalogue, texts, codes."""

    patient: int
    insurer: int
    texts: tuple[str, ...]
    codes: tuple[str, ...]


VISITS = (
    Visit(
        1,
        insurers.AOK,
        ("01, Befund erhoben, PZR empfohlen", "Füllung 36 mod gelegt, Okklusion geprüft"),
        ("01", "1040"),
    ),
    Visit(2, insurers.DAK, ("Füllung an 47 (zweiflächig), Politur,",), ("13b",)),
    Visit(3, insurers.TK, ("Röntgenaufnahme OPG, Befund besprochen",), ("Ä935",)),
    Visit(4, insurers.PRIVAT, ("Beratung über Zahnersatz – Kostenplan mitgegeben",), ()),
    Visit(5, insurers.BARMER, ("Kontrolle; keine Beschwerden",), ()),
)
