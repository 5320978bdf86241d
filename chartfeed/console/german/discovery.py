"""What discovery, the validation and a look at a schema say, and the German of it."""

from __future__ import annotations

from typing import Final

__all__ = ["KINDS", "SENTENCES"]

SENTENCES: Final = (
    ("exact name", "Name stimmt genau"),
    ("name without suffix", "Name ohne Suffix"),
    ("known synonym without suffix", "bekanntes Synonym ohne Suffix"),
    ("known synonym", "bekanntes Synonym"),
    ("name approved at another center", "Name ist in einer anderen Praxis freigegeben"),
    ("word that is also used for other things", "Wort, das auch anderes bezeichnet"),
    ("name says nothing", "Name sagt nichts aus"),
    ("chosen by the reviewer", "vom Prüfer gewählt"),
    ("entered by hand", "von Hand eingetragen"),
    ("emptied by hand", "von Hand geleert"),
    ("its table was entered by hand", "die Tabelle wurde von Hand eingetragen"),
    (
        "which values mean not deleted was entered by hand",
        "welche Werte „nicht gelöscht“ heißen, wurde von Hand eingetragen",
    ),
    ("unmapped by the reviewer", "vom Prüfer offen gelassen"),
    ("its table is open", "die Tabelle ist offen"),
    ("the tables' schema is open", "das Schema der Tabellen ist offen"),
    ("no column like it was found", "keine solche Spalte gefunden"),
    ("no table like it was found", "keine solche Tabelle gefunden"),
    ("{n} columns are possible", "{n} Spalten kommen infrage"),
    ("{n} tables are possible", "{n} Tabellen kommen infrage"),
    ("{n} schemas are possible", "{n} Schemas kommen infrage"),
    ("type {x} fits", "Typ {x} passt"),
    ("only column of the primary key", "einzige Spalte des Primärschlüssels"),
    ("not the only column of the primary key", "nicht die einzige Spalte des Primärschlüssels"),
    ("{n} of {n} telling columns found by name", "{n} von {n} Spalten am Namen erkannt"),
    ("{p} of {n} values are calendar dates", "{p} von {n} Werten sind Kalendertage"),
    (
        "{p} of {n} values are codes such as 01, 13b, Ä935",
        "{p} von {n} Werten sind Ziffern wie 01, 13b, Ä935",
    ),
    (
        "{p} of {n} values are letters of insurers' kinds",
        "{p} von {n} Werten sind Kassenarten",
    ),
    ("{p} of {n} values are frequent given names", "{p} von {n} Werten sind häufige Vornamen"),
    ("{p} of {n} values are frequent family names", "{p} von {n} Werten sind häufige Nachnamen"),
    ("texts of {n} characters on average", "Texte von im Mittel {n} Zeichen"),
    ("{n} different names in {n} values", "{n} verschiedene Namen in {n} Werten"),
    ("values are no flags", "Werte sind keine Kennzeichen"),
    ("flags: {f}", "Kennzeichen: {f}"),
    (
        "read in the usual way, {n} of {n} rows would be deleted",
        "wie üblich gelesen, wären {n} von {n} Zeilen gelöscht",
    ),
    (
        "unusual flag: {x} seems to mean not deleted",
        "ungewöhnliches Kennzeichen: {x} heißt wohl „nicht gelöscht“",
    ),
    ("{n} of {n} rows have a value", "{n} von {n} Zeilen haben einen Wert"),
    ("{p} of {n} values found in {i}", "{p} von {n} Werten in {i} gefunden"),
    (
        "{n} different values for {n} rows of {i}",
        "{n} verschiedene Werte für {n} Zeilen von {i}",
    ),
    (
        "{n} different patients sampled, of the next one like it {n}",
        "{n} verschiedene Patienten in der Stichprobe, bei der nächsten solchen Tabelle {n}",
    ),
    (
        "names speak for {n} of {n} tables only",
        "nur für {n} von {n} Tabellen sprechen die Namen",
    ),
    (
        "{x} has {n} rows and columns of such names",
        "{x} hat {n} Zeilen und Spalten mit solchen Namen",
    ),
    (
        "{x} has {n} rows and names that say nothing",
        "{x} hat {n} Zeilen und Namen, die nichts aussagen",
    ),
    ("{x} is not there", "{x} gibt es nicht"),
    ("{n} rows", "{n} Zeilen"),
    # The validation.
    ("has no name ({s})", "hat keinen Namen ({s})"),
    ("has no name", "hat keinen Namen"),
    ("stays open; nothing reads it", "bleibt offen; nichts liest es"),
    ("there is no table {x}", "es gibt keine Tabelle {x}"),
    ("{x} is already {x}", "{x} ist schon {x}"),
    ("{x} has no column {x}", "{x} hat keine Spalte {x}"),
    ("{x} is {x}, no {k}", "{x} ist {x}, keine {k}"),
    (
        "{x} must be the only column of the primary key, which is {x}",
        "{x} muss die einzige Spalte des Primärschlüssels sein, und der ist {x}",
    ),
    (
        "types differ ({x}); ids travel as {x}",
        "die Typen sind verschieden ({x}); IDs reisen als {x}",
    ),
    ("has no values; its join is untried", "hat keine Werte; der Verweis ist nicht erprobt"),
    ("{p} of {n} newest values found in {x}", "{p} der {n} neuesten Werte in {x} gefunden"),
    (
        "{x}, a rival, has {n} rows, {x} has {n}",
        "{x}, eine andere Möglichkeit, hat {n} Zeilen, {x} hat {n}",
    ),
    ("{s}: too few for its ids", "{s}: zu wenige für Patientennummern"),
    ("has too few values to tell", "hat zu wenige Werte für ein Urteil"),
    (
        "{s}, {n} different: are these codes of services?",
        "{s}, {n} verschiedene: Sind das Leistungsziffern?",
    ),
    ("has no values", "hat keine Werte"),
    ("has no rows", "hat keine Zeilen"),
    ("{p} of {n} dates are valid", "{p} von {n} Tagen gibt es im Kalender"),
    (
        "1 insurer has kinds that insurance_status does not name: {x}",
        "1 Kasse hat Arten, die insurance_status nicht nennt: {x}",
    ),
    (
        "{n} insurers have kinds that insurance_status does not name: {x}",
        "{n} Kassen haben Arten, die insurance_status nicht nennt: {x}",
    ),
    ("{n} kinds, all known", "{n} Arten, alle bekannt"),
    (
        "its live value {x} is in none of {n} rows",
        "der Wert {x} für „nicht gelöscht“ steht in keiner von {n} Zeilen",
    ),
    (
        "{p} of {n} rows count as deleted: none would be left",
        "{p} von {n} Zeilen gelten als gelöscht: keine bliebe übrig",
    ),
    ("{p} of {n} rows count as deleted", "{p} von {n} Zeilen gelten als gelöscht"),
    ("is on for the database", "ist für die Datenbank eingeschaltet"),
    (
        "is off for the database, or not to be seen; the tables' keys allow it",
        "ist für die Datenbank aus oder nicht zu sehen; die Schlüssel der Tabellen lassen es zu",
    ),
    (
        "no recent day gives any unified row",
        "kein Tag der letzten Zeit ergibt vereinheitlichte Zeilen",
    ),
    ("{d} gives {n} unified rows", "{d} ergibt {n} vereinheitlichte Zeilen"),
    # What moved in a schema.
    ("table {x} is gone", "Tabelle {x} ist weg"),
    ("column {x} is gone", "Spalte {x} ist weg"),
    ("column {x} is {x}, was {x}", "Spalte {x} ist {x}, war {x}"),
    ("the primary key of {x} is {x}, was {x}", "der Primärschlüssel von {x} ist {x}, war {x}"),
)
KINDS: Final = {
    "id": "ID",
    "date": "Datumsspalte",
    "text": "Textspalte",
    "code": "Ziffernspalte",
    "art": "Kassenart",
    "name": "Namensspalte",
    "person": "Namensspalte",
    "flag": "Kennzeichenspalte",
}
