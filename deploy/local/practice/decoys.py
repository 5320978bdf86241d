"""The tables that don't matter: confusing neighbours, and the rest of a practice's software."""

from __future__ import annotations

from collections.abc import Iterator

NEIGHBOURS = {
    "KARTEIABRECHNUNG": "ID:id KARTEIID:number PATNR:patient DATUM:date STATUS:letter DELKZ:flag",
    "KARTEIABTEILUNG": "ID:id ABTEILUNG:word KUERZEL:doctor DELKZ:flag",
    "KASSENABSCHLAG": "ID:id KASSENID:insurer PROZENT:count ABDATUM:date DELKZ:flag",
    "LEISTUNGVALID": "ID:id LEISTUNG:code GUELTIGAB:date MELDUNG:note DELKZ:flag",
    "PATIENTABTEILUNG": "ID:id PATIENTID:patient ABTEILUNGID:count DELKZ:flag",
}
OTHERS = {
    "TERMIN": "ID:id PATNR:patient DATUM:date VON:time BIS:time RAUM:count TEXT:note DELKZ:flag",
    "TERMINART": "ID:id BEZEICHNUNG:word DAUER:count",
    "WARTELISTE": "ID:id PATNR:patient SEIT:date GRUND:note DELKZ:flag",
    "RECALL": "ID:id PATNR:patient FAELLIG:date ART:letter DELKZ:flag",
    "RECHNUNG": "ID:id PATNR:patient DATUM:date BETRAG:money STATUS:letter DELKZ:flag",
    "RECHNUNGPOS": "ID:id RECHNUNGID:number ZIFFER:code ANZAHL:count BETRAG:money",
    "MAHNUNG": "ID:id RECHNUNGID:number STUFE:count DATUM:date GEBUEHR:money",
    "ZAHLUNG": "ID:id RECHNUNGID:number DATUM:date BETRAG:money ART:letter",
    "KASSENBUCH": "ID:id DATUM:date TEXT:note BETRAG:money DELKZ:flag",
    "MATERIAL": "ID:id NAME:word LIEFERANT:number PREIS:money DELKZ:flag",
    "MATERIALVERBRAUCH": "ID:id MATERIALID:number DATUM:date MENGE:count",
    "LIEFERANT": "ID:id FIRMA:word PLZ:postcode ORT:city DELKZ:flag",
    "BESTELLUNG": "ID:id LIEFERANTID:number DATUM:date BETRAG:money",
    "LABORAUFTRAG": "ID:id PATNR:patient DATUM:date ARBEIT:word ZAHN:tooth KOSTEN:money DELKZ:flag",
    "LABOR": "ID:id NAME:word ORT:city DELKZ:flag",
    "BENUTZER": "ID:id KUERZEL:doctor ROLLE:word AKTIV:count",
    "BENUTZERRECHT": "ID:id BENUTZERID:number RECHT:word",
    "PROTOKOLL": "ID:id ZEITPUNKT:stamp BENUTZER:doctor PATNR:patient AKTION:word",
    "LOGIN_LOG": "ID:id ZEITPUNKT:stamp BENUTZER:doctor ARBEITSPLATZ:word",
    "AENDERUNG": "ID:id TABELLE:word SATZ:number ZEITPUNKT:stamp BENUTZER:doctor",
    "ROENTGEN": "ID:id PATNR:patient DATUM:date ZAHN:tooth BEFUND:note DELKZ:flag",
    "BEFUND": "ID:id PATNR:patient DATUM:date ZAHN:tooth KUERZEL:letter DELKZ:flag",
    "PARBEFUND": "ID:id PATNR:patient DATUM:date ZAHN:tooth TIEFE:count",
    "ANAMNESE": "ID:id PATNR:patient DATUM:date FRAGE:note ANTWORT:letter",
    "MEDIKAMENT": "ID:id NAME:word WIRKSTOFF:word PZN:number",
    "REZEPT": "ID:id PATNR:patient DATUM:date MEDIKAMENTID:number MENGE:count DELKZ:flag",
    "UEBERWEISUNG": "ID:id PATNR:patient DATUM:date FACH:word GRUND:note",
    "ARZTBRIEF": "ID:id PATNR:patient DATUM:date BETREFF:note DELKZ:flag",
    "HKP": "ID:id PATNR:patient DATUM:date KASSENID:insurer BETRAG:money STATUS:letter DELKZ:flag",
    "HKPPOS": "ID:id HKPID:number ZIFFER:code ZAHN:tooth ANZAHL:count",
    "KFOPLAN": "ID:id PATNR:patient BEGINN:date QUARTALE:count DELKZ:flag",
    "QUARTAL": "ID:id JAHR:count VON:date BIS:date ABGERECHNET:letter",
    "KZVABRECHNUNG": "ID:id QUARTALID:number KASSENID:insurer FAELLE:count SUMME:money",
    "PUNKTWERT": "ID:id AB:date KASSENID:insurer WERT:money",
    "ZIFFERNKATALOG": "ID:id ZIFFER:code KURZTEXT:note PUNKTE:count",
    "TEXTBAUSTEIN": "ID:id KUERZEL:doctor TEXT:note DELKZ:flag",
    "DIAGNOSE": "ID:id KUERZEL:code TEXT:note",
    "ZAHNSCHEMA": "ID:id PATNR:patient ZAHN:tooth STATUS:letter",
    "ARBEITSPLATZ": "ID:id NAME:word RAUM:count",
    "DRUCKER": "ID:id ARBEITSPLATZID:count NAME:word",
    "EINSTELLUNG": "ID:id SCHLUESSEL:word WERT:note",
    "GERAET": "ID:id NAME:word SERIENNR:number WARTUNG:date DELKZ:flag",
    "STERILISATION": "ID:id GERAETID:count ZEITPUNKT:stamp ERGEBNIS:letter",
    "FEIERTAG": "ID:id DATUM:date NAME:word",
    "URLAUB": "ID:id BENUTZERID:count VON:date BIS:date",
    "POSTLEITZAHL": "ID:id PLZ:postcode ORT:city",
    "NACHRICHT": "ID:id VON:doctor AN:doctor ZEITPUNKT:stamp TEXT:note DELKZ:flag",
    "DOKUMENT": "ID:id PATNR:patient DATUM:date TITEL:note GROESSE:number DELKZ:flag",
}
QUALIFIERS = (
    "ARCHIV", "DETAIL", "GRUPPE", "VORLAGE", "STATUS", "TYP", "TEMP", "HIST", "IMPORT", "EXPORT",
    "ZUORDNUNG", "SPERRE", "STATISTIK", "DRUCK",
)  # fmt: skip


def decoys() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give clean names and columns of tables that don't matter, neighbours first, hundreds."""
    for name, columns in (*NEIGHBOURS.items(), *OTHERS.items()):
        yield name, tuple(columns.split())
    for qualifier in QUALIFIERS:
        for name, columns in OTHERS.items():
            yield f"{name}_{qualifier}", tuple(columns.split())
