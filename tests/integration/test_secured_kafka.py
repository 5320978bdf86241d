"""With TLS, SCRAM and the listed rights alone, rows go from a practice to a file."""

import json
import re
import secrets
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from deploy.local import practices
from schemas import topics
from tests import approved, secured_kafka
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "consumer.py"
READER = "Aa1-" + secrets.token_urlsafe(12)


class Site:
    """A practice, a broker, and a configuration for each user."""

    def __init__(self, folder: Path, secured: Any, chartfeed: Any) -> None:
        self.folder, self.secured, self._chartfeed = folder, secured, chartfeed
        self.said = ""

    def config(self, user: str) -> Path:
        path = self.folder / f"{user}.json"
        common = json.loads((self.folder / "chartfeed.yml").read_text())
        path.write_text(json.dumps(common | {"kafka": self.secured.kafka(user)}))
        return path

    def run(self, user: str, *arguments: str, check: bool = True) -> Any:
        done = self._chartfeed("--config", self.config(user), *arguments, check=check)
        self.said += done.stdout + done.stderr
        return done

    @contextmanager
    def running(self, user: str, *arguments: str) -> Any:
        log = self.folder / f"{arguments[0]}.log"
        with log.open("wb") as out:
            words = [sys.executable, "-m", "chartfeed", "--config", str(self.config(user))]
            process = subprocess.Popen([*words, *arguments], stdout=out, stderr=out)
        try:
            yield log
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(30), log.read_text()
        finally:
            process.kill()
            process.wait()
            self.said += log.read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: Any, services: Any, chartfeed: Any) -> Any:
    folder = tmp_path_factory.mktemp("site")
    request = practices.Request(
        count=1, patients=8, years=1, tables=10, insurers=20, families=("suffixed",)
    )
    planned = practices.plan(request)
    with (
        running(tmp_path_factory.mktemp("practice")) as standin,
        secured_kafka.running(tmp_path_factory.mktemp("secured")) as secured,
    ):
        sa = login_of(standin)
        practices.load_missing(planned, practices.connector(sa), user="chartfeed", password=READER)
        config = approved.configure(folder, {sa.server: planned}, READER)
        known = json.loads(config.read_text())
        known |= {"registry": {"url": services["registry"]["address"]}}
        config.write_text(json.dumps(known))
        approved.approve_all(folder / "mappings", planned, sa)
        yield Site(folder, secured, chartfeed)


def test_each_component_does_its_work_with_its_own_rights(site: Any) -> None:
    site.run("chartfeed-admin", "topics", "create")
    site.run("chartfeed-admin", "schemas", "register")
    site.run("chartfeed-producer", "produce", "--once")
    days = site.folder / "output"
    with site.running("chartfeed-stream", "stream", "--worker", "one") as log:
        deadline = time.monotonic() + 60
        while not list(days.glob("*.manifest.json")):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        told = json.loads(site.run("chartfeed-operator", "status", "--json", check=False).stdout)
        assert 1 == told["stream"]["workers"]
        site.run("chartfeed-operator", "pause", "center_01", "--reason", "a test")
        site.run("chartfeed-operator", "resume", "center_01")

    assert not re.search("AUTHORIZATION|uthorization", site.said)
    for password in (READER, *site.secured.passwords.values()):
        assert password not in site.said


def test_the_readers_rights_are_enough_for_the_example_in_the_docs(
    site: Any, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", site.secured.passwords["chartfeed-reader"])
    words = [site.secured.address, services["registry"]["address"], "--user", "chartfeed-reader"]

    done = subprocess.run(
        [sys.executable, EXAMPLE, *words, "--ca", site.secured.ca, "--once"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (0, "+ ") == (done.returncode, done.stdout[:2]), done.stderr


def test_what_is_not_listed_is_refused(site: Any) -> None:
    fault: list[Any] = []
    producer = Producer(site.secured.options("chartfeed-operator"))
    producer.produce(
        topics.UNIFIED_ENTRIES.name, b"x", on_delivery=lambda error, _: fault.append(error)
    )
    producer.flush(20)

    assert [KafkaError.TOPIC_AUTHORIZATION_FAILED] == [error.code() for error in fault]


def test_a_wrong_password_is_told_without_being_shown(site: Any) -> None:
    site.secured.passwords["chartfeed-operator"] = "not-the-password"

    done = site.run("chartfeed-operator", "topics", "verify", check=False)

    assert 3 == done.returncode
    assert "not-the-password" not in done.stdout + done.stderr
    with pytest.raises(KafkaException):
        Producer(site.secured.options("chartfeed-operator")).list_topics(timeout=3)
