"""Codes of services: BEMA for the statutory insured, GOZ and GOÄ for all others."""

from __future__ import annotations

import random

from deploy.local.practice.dice import pick

BEMA = (
    "01", "Ä1", "04", "8", "10", "12", "13a", "13b", "13B", "13c", "13d", "18a", "19", "20a", "20b",
    "23", "25", "26", "28", "31", "32", "34", "35", "38", "40", "41a", "43", "44", "47a", "49",
    "50", "89", "91a", "98g", "105", "106", "Ä925a", "Ä935", "IP1", "IP4", "FU1", "K1", "ATG",
)  # fmt: skip
GOZ = (
    "0010", "0070", "0080", "0090", "1000", "1020", "1040", "2020", "2030", "2060", "2080", "2100",
    "2197", "2210", "2390", "2400", "2410", "2440", "3000", "4000", "4050", "4070", "5000", "6190",
    "7010", "8010", "9000", "Ä5", "Ä5000", "Ä5004", "Ä935",
)  # fmt: skip


def code(dice: random.Random, *, private: bool) -> str | None:
    """Give a code as somebody typed it: now and then with blanks, and rarely none at all."""
    found = pick(dice, GOZ if private else BEMA)
    luck = dice.random()
    if luck < 0.02:
        return f" {found} "
    if luck < 0.025:
        return ""
    if luck < 0.03:
        return None
    return found
