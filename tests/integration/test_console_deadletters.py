"""Dead letters on a real broker: shown while they stand, gone when repaired, read again."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from chartfeed import settings as configuration
from chartfeed.console.app import Console
from chartfeed.console.deadletters.ledger import Ledger, Wanted
from chartfeed.console.deadletters.reader import Reader
from chartfeed.console.roles import OPERATOR
from chartfeed.pause import ask, standing
from chartfeed.settings import Settings
from producers.capture import ends
from schemas import topics
from schemas.codec import Encoder
from schemas.errors import Outside
from schemas.records import DeadLetter
from tests.browser import chromium, looking, served, violations  # noqa: F401 - a fixture
from tests.console import a_console, browsing, post
from tests.factories import a_dead_letter

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]


class Post:
    """Sends dead letters of one center, as its producer and the stream do."""

    def __init__(self, settings: Settings, center: str) -> None:
        self.center = center
        self._producer = Producer(settings.kafka.client)
        id_ = settings.registry.client().id_of(topics.DEAD_LETTERS)
        self._encode = Encoder(DeadLetter, id_).encode

    def letter(self, **changes: Any) -> None:
        letter = a_dead_letter(center_id=self.center, **changes)
        self._send(f"{self.center}/{letter.key}", self._encode(letter), letter.table)

    def repaired(self, key: str, table: str = "KARTEI") -> None:
        self._send(f"{self.center}/{key}", None, table)

    def _send(self, key: str, value: bytes | None, table: str | None) -> None:
        headers: list[tuple[str, str | bytes | None]] = [("table", table)] if table else []
        self._producer.produce(
            topics.DEAD_LETTERS.name, key=key, value=value, headers=headers, partition=3
        )
        assert 0 == self._producer.flush(10)


@pytest.fixture(scope="module")
def broker(stack: Any, services: Any, chartfeed: Any) -> Any:
    chartfeed("topics", "create", home=stack)
    chartfeed("schemas", "register", home=stack)
    return services


def configured(folder: Path, kafka: str, registry: str) -> Settings:
    """Give a configuration of a center that no other test has."""
    center = f"center_{uuid.uuid4().hex[:8]}"
    line = f'- {{id: {center}, name: "Praxis Nord", server: "127.0.0.1,1", database: D}}'
    (folder / "centers.yml").write_text(f"centers:\n  {line}\n")
    path = folder / "chartfeed.yml"
    path.write_text(json.dumps({"kafka": {"bootstrap": kafka}, "registry": {"url": registry}}))
    return configuration.load(path)


@pytest.fixture
def settings(broker: Any, tmp_path: Path) -> Settings:
    return configured(tmp_path, broker["kafka"]["address"], broker["registry"]["address"])


@pytest.fixture
def letters(settings: Settings) -> Post:
    return Post(settings, settings.centers[0].id)


@pytest.fixture
def reader(settings: Settings) -> Iterator[Reader]:
    with closing(Reader(settings)) as one:
        yield one


@pytest.fixture
def console(settings: Settings) -> Console:
    return a_console(settings)


def keys(reader: Reader, center: str) -> list[str | None]:
    found: list[str | None] = []

    def look(ledger: Ledger) -> None:
        entries = ledger.page(Wanted(center=center)).entries
        found.extend(sorted(entry.letter.key or "" for entry in entries))

    assert reader.read(look)
    return found


def test_a_letter_stands_until_its_row_is_repaired(letters: Post, reader: Reader) -> None:
    letters.letter()
    letters.letter(key="42")
    assert ["41", "42"] == keys(reader, letters.center)

    letters.repaired("41")
    letters.letter(key="43")

    assert ["42", "43"] == keys(reader, letters.center)


def test_a_broker_that_is_gone_is_told_with_a_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "REQUEST_SECONDS", 1.0)
    gone = configured(tmp_path, "127.0.0.1:1", "http://127.0.0.1:1")

    with closing(Reader(gone)) as reader, pytest.raises(Outside, match="Kafka does not answer"):
        reader.read(lambda _: None)


def show(client: TestClient, center: str) -> str:
    return client.get(f"/dead-letters?center={center}").text


def test_the_page_says_what_why_where_and_what_helps(letters: Post, console: Console) -> None:
    letters.letter()
    letters.letter(
        stage="stream",
        table=None,
        key=f"{letters.center}/7",
        reason="undecodable",
        topic="chartfeed.services",
        partition=3,
        offset=99,
    )

    with browsing(console) as client:
        page = show(client, letters.center)
        assert page == show(client, f"{letters.center}&page={'9' * 5000}")

    assert "a date that does not exist" in page
    assert "<code>KARTEI</code>" in page
    assert "chartfeed.services:3:99" in page
    assert f"<code>chartfeed resync {letters.center}</code>" in page


def test_an_operator_has_a_center_read_again(
    letters: Post, settings: Settings, console: Console
) -> None:
    letters.letter()
    with browsing(console, OPERATOR, name="Otto") as client:
        assert 'action="/dead-letters/resync"' in show(client, letters.center)
        answer = post(client, "/dead-letters/resync", center=letters.center)

    assert 303 == answer.status_code
    command = standing(settings, [letters.center])[letters.center]
    assert command is not None
    assert ("resync", {}, "Otto") == (command.action, command.arguments, command.requested_by)


def test_a_center_that_is_paused_is_not_read_again(
    letters: Post, settings: Settings, console: Console
) -> None:
    ask(settings, [letters.center], "pause", {})
    with browsing(console, OPERATOR, name="Otto") as client:
        answer = post(client, "/dead-letters/resync", center=letters.center)

    assert 422 == answer.status_code
    assert "is paused, nothing was asked" in answer.text


def test_who_only_looks_is_refused_to_have_it_read_again(
    letters: Post, settings: Settings, console: Console
) -> None:
    letters.letter()
    with browsing(console, name="Vic") as client:
        assert 'action="/dead-letters/resync"' not in show(client, letters.center)
        answer = post(client, "/dead-letters/resync", center=letters.center)

    assert 403 == answer.status_code
    assert standing(settings, [letters.center])[letters.center] is None


def test_a_filter_shows_what_it_says_without_a_new_page(
    letters: Post,
    console: Console,
    chromium: Browser,
) -> None:
    letters.letter()
    letters.letter(key="42", reason="missing-patient", table="LEISTUNG")
    with (
        served(console) as address,
        looking(chromium, console, address, OPERATOR, language="de", dark=True) as page,
    ):
        page.goto(f"/dead-letters?center={letters.center}")
        rows = page.locator("section:has(#list-title) tbody tr")
        expect(rows).to_have_count(2)
        page.locator("#filter-reason").select_option("missing-patient")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("kein Patient")
        page.get_by_role("button", name="Praxis Nord erneut lesen").click()
        expect(page.locator("dialog[open]")).to_be_visible()
        page.get_by_role("button", name="Abbrechen").click()
        assert [] == violations(page)
