"""What is made in English elsewhere is said in German: states, errors, next steps."""

import ast
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chartfeed.console.german import sentences
from chartfeed.console.german.sentences import is_known, told
from producers.capture.position import Why
from tests.console import a_console, a_view, browsing, configured
from tests.console import told as telling

ROOT = Path(__file__).resolve().parents[2]
# Everything whose errors and states a page of the console may show.
SHOWN = (
    "producers/approval.py",
    "producers/audit.py",
    "producers/capture",
    "producers/connection.py",
    "producers/days.py",
    "producers/discovery/valuebank.py",
    "producers/mapping.py",
    "producers/mapping_file.py",
    "producers/quoting.py",
    "producers/registry.py",
    "producers/review.py",
    "chartfeed/approvals.py",
    "chartfeed/console",
    "chartfeed/password.py",
    "chartfeed/pause.py",
    "chartfeed/resync.py",
    "chartfeed/sources.py",
    "chartfeed/stream_group.py",
    "stream_app/files/manifest.py",
    "stream_app/files/reading.py",
)
# Errors end in these; a skipped record becomes a dead letter, whose reason the catalogue has.
ERRORS = frozenset(
    (
        *("BadInput", "BeingWritten", "Busy", "CenterDown", "Changed", "ChartfeedError", "Damaged"),
        *("Denied", "Drift", "Failed", "Fenced", "KafkaDown", "MappingDamaged", "MissingDriver"),
        *("NeedsConfirmation", "NotTracked", "Outside", "Paused", "RetryLater", "StatementFailed"),
        *("StopCenter", "TakenOver", "Unapproved", "Unpublished", "Unreadable", "Unregistered"),
    )
)
# What is handed in at a place where a sentence stands in a sentence.
INSIDE = {
    "problem": "the mapping is not approved",
    "why": "Kafka is too slow",
    "beyond": "3 of 7 rows of KARTEI",
    "'; '.join(moved)": "table X (KARTEI) is gone",
    "listed": "  KARTEI: has no name",
    "said.at": "2026-03-04T10:20:30+00:00",
    "day.isoformat()": "2026-03-04",
    "running.day.isoformat()": "2026-03-04",
    "at": "2026-03-04T10:20:30Z",
    "where": "_step:147",
    "last": "",
    "also": "",
    "detail": "",
}
COMMANDS = ("chartfeed ", "--", "ALTER ", "rm ", "export ", "openssl ")
# Said to whoever starts the console, in a terminal.
AT_THE_START = ("console.proxy_token_file", "the console can't listen")


def samples() -> Iterator[tuple[str, str]]:
    """Give each sentence of an error or a hint as it might be said, and where it is made."""
    for name in SHOWN:
        path = ROOT / name
        for one in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(one.read_text("utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func) in ERRORS:
                    hints = [word.value for word in node.keywords if word.arg == "hint"]
                    for said in (*node.args[:1], *hints):
                        if (text := _sample(said)) is not None:
                            yield text, f"{one.relative_to(ROOT)}:{said.lineno}"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _sample(node: ast.expr) -> str | None:
    """Give a text with something at each of its holes, None for what is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    text = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            text += INSIDE.get(ast.unparse(part.value), "7")
    return text


def test_every_error_and_next_step_that_a_page_may_show_has_its_german():
    found = dict(samples())
    assert len(found) > 80

    missing = {
        text: place
        for text, place in found.items()
        if not (text.startswith(COMMANDS) or is_known(text))
        if not any(start in text for start in AT_THE_START)
        if text not in {"7: 7", "7: 7: 7"}
    }

    assert {} == missing


SINCE = "no word from its producer since 2026-03-04T10:20:30Z, when it was"
SEIT = "kein Lebenszeichen des Erfassers seit 04.03.2026, 10:20:30 UTC; da stand er auf"


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (f"{SINCE} streaming", f"{SEIT} „läuft“"),
        (f"{SINCE} retrying: c_7: Kafka: Local: Timed out", f"{SEIT} „neuer Versuch“: c_7: {{}}"),
        ("paused by anna: the server, at last", "angehalten von anna: the server, at last"),
        ("paused by anna", "angehalten von anna"),
        (
            "c_7: asked for by anna; a resync would delete 3120 of 9800 rows of LEISTUNG",
            "c_7: angefordert von anna; ein Neuabgleich würde 3120 von 9800 Zeilen von {} löschen",
        ),
        (
            "the schema moved since the approval: table X (KARTEI) is gone; something else",
            "das Schema hat sich seit der Freigabe geändert: Tabelle X (KARTEI) ist weg; {}",
        ),
        ("c_7: RuntimeError in _step:147", "c_7: unerwarteter Fehler RuntimeError in _step:147"),
        ("Kafka: Unknown broker error", "Fehler von Kafka: Unknown broker error"),
        ("what is missing of this T-SQL:\n    ALTER x", "was von diesem T-SQL fehlt:\n    ALTER x"),
        ("the producer was stopped (at 2026-03-04T10:20:30Z)", "der Erfasser wurde beendet ({})"),
    ],
)
def test_what_is_told_of_a_center_is_told_in_german(english, german):
    left = ("Kafka: Zeitüberschreitung", "LEISTUNG", "something else")
    moment = "04.03.2026, 10:20:30 UTC"

    assert told(english, "de") in {german.format(one) for one in (*left, moment)}
    assert told(english, "en") == english


@pytest.mark.parametrize(
    "english",
    [
        *map(str, Why),
        "stopped (at 2026-03-04T10:20:30Z)",
        "disabled in the centers file",
        "not in the configuration, or disabled there",
        "nobody has captured it yet",
        "no producer runs for it",
        "its checkpoint is gone, but events of it are in the topics",
        "c_7: SQL Server reports error 5; its text may quote patients' data and is not shown",
        "c_7: is paused, nothing was asked",
    ],
)
def test_every_state_has_its_german(english):
    assert is_known(english)


def test_every_german_sentence_has_the_holes_of_its_english():
    for english, german in sentences.SENTENCES:
        assert sentences._HOLE.findall(english) == sentences._HOLE.findall(german), english


def test_a_long_text_of_a_stranger_is_looked_at_and_not_for_long():
    began = time.process_time()
    for text in ("a, " * 1300, "a: " * 1300, "paused by " * 400, "a; " * 1300):
        assert told(text, "de")

    assert time.process_time() - began < 2


def test_a_page_in_german_says_in_german_where_a_center_stands(tmp_path):
    loaded = configured(tmp_path, ["center_01"])
    detail = "no word from its producer since 2026-03-04T10:20:30Z, when it was streaming"
    stopped = a_view("center_01", "stopped", detail=detail, needs_somebody=True)
    with browsing(a_console(loaded, telling(stopped))) as client:
        for path in ("/", "/centers/center_01", "/centers/center_01/now"):
            page = client.get(path, headers={"Accept-Language": "de"}).text
            assert "kein Lebenszeichen des Erfassers" in page, path
            assert "no word from" not in page, path
        missing = client.get("/centers/center_99", headers={"Accept-Language": "de"}).text
    assert "es gibt keine Praxis" in missing
    assert "eine von diesen: center_01" in missing
