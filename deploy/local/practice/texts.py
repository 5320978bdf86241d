"""What staff write into a chart."""

# ruff: noqa: RUF001 - people, insurers and texts are spelled the way practices spell them
from __future__ import annotations

import random

from deploy.local.practice.dice import pick
from deploy.local.practice.people import writable

SENTENCES = (
    "Kontrolle, Befund unverändert",
    "01, Zst. entfernt, Mundhygiene besprochen",
    "Zahn {z}: Füllung {f} mit {m}, Okklusion geprüft",
    "Füllung {f} an {z} gelegt; Pat. wünscht Kunststoff",
    "Schmerzen regio {z}, Perkussion +, Vitalität –",
    "Röntgenaufnahme {z}: apikale Aufhellung, Befund besprochen",
    "Vitalitätsprüfung {z} pos., keine Beschwerden",
    "Extraktion {z} in L.A. ({a}), Wunde vernäht",
    "Nahtentfernung {z}, Wundheilung reizlos",
    "Trepanation {z}, Aufbereitung 3 Kanäle, Ca(OH)₂-Einlage",
    "WF {z} abgeschlossen, Kontrollaufnahme o. B.",
    "PZR durchgeführt, Fluoridierung, nächster Termin in 6 Monaten",
    "Präparation {z}, Abformung, Provisorium mit {m}",
    "Krone {z} eingegliedert, Randschluss gut, Pat. zufrieden",
    "Druckstelle Prothese OK entfernt",
    "HKP für {z} erläutert – Pat. möchte überlegen",
    "Aufklärung über Risiken der L.A., Pat. einverstanden",
    "Rezept: {d}, Einnahme erklärt",
    "Pat. nicht erschienen, telefonisch nicht erreicht",
    "Termin abgesagt wg. Erkältung",
    "Parodontalstatus erhoben, PSI 3/2/3/3/2/3",
    "UPT 2. Sitzung, Taschentiefe {z} 5 mm",
    "Kind ängstlich; nur Befund und „Zähneputzen“ geübt",
    "IP1 IP2 IP4, Fissuren {z} versiegelt",
    "Schiene eingegliedert, nächtl. Tragen empfohlen",
    "Überweisung Kieferchirurgie wg. {z} (verlagert)",
    "Implantat regio {z}: Freilegung, Gingivaformer",
    'Aufbissbeschwerden {z}, eingeschliffen, "besser" lt. Pat.',
    "Zahnfleischbluten, CHX-Spülung 0,2 % mitgegeben",
    "Kasse gewechselt, Karte eingelesen",
)
LATER = (
    "",
    "",
    "",
    "",
    ", Kontrolle in 2 Wochen",
    "; WV bei Bedarf",
    ",",
    " ",
    "\r\nnächste Sitzung: Füllungen OK",
    "\tEigenanteil 85,50 € besprochen",
    ", Anästhesie nachgespritzt, Pat. belastbar",
)
ONLY_UNICODE = (" Δ ≥ 2 mm", " 🦷", " → Wiedervorstellung", " Ω-Schleife", " Małopolska-Schema")
TEETH = tuple(str(quadrant * 10 + tooth) for quadrant in range(1, 5) for tooth in range(1, 9))
SURFACES = ("o", "mo", "od", "mod", "b", "mesial", "zervikal")
STUFF = ("Komposit", "GIZ", "Kompomer", "Amalgam", "Luxatemp", "Tetric A3,5")
ANAESTHETICS = ("Ultracain D-S 1,7 ml", "Septanest", "Leitung + Infiltration")
DRUGS = ("Ibuprofen 600", "Amoxicillin 1000", "Clindamycin 600", "CHX 0,2 %")
MOST = 500


def sentence(dice: random.Random) -> str:
    """Give one German sentence of a chart."""
    return pick(dice, SENTENCES).format(
        z=pick(dice, TEETH),
        f=pick(dice, SURFACES),
        m=pick(dice, STUFF),
        a=pick(dice, ANAESTHETICS),
        d=pick(dice, DRUGS),
    )


def entry(dice: random.Random, *, unicode: bool, long: bool = False) -> str | None:
    """Give the text of an entry: mostly one sentence; at times two, nothing, NULL or very much."""
    luck = dice.random()
    if luck < 0.008:
        return None
    if luck < 0.014:
        return ""
    text = sentence(dice) + pick(dice, LATER)
    if luck < 0.06 and unicode:
        text += pick(dice, ONLY_UNICODE)
    if luck > 0.9:
        text += ". " + sentence(dice)
    if luck > 0.997 and long:
        text = "\r\n".join(sentence(dice) for _ in range(60))
    return writable(text, unicode=unicode)[: None if long else MOST // 2]
