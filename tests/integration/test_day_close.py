"""`chartfeed day close` as a schedule runs it: a real worker, a real broker, real receivers."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from urllib.request import urlopen
from zoneinfo import ZoneInfo

import pytest
import yaml

from chartfeed.notices.mail import Mail
from chartfeed.notices.posts import Slack, Webhook
from chartfeed.notices.sending import Notice, Undelivered
from chartfeed.password import Secret
from producers.registry import Registry
from schemas.subjects import RECORDS
from stream_app.closing import marker
from stream_app.files.targets import Folder
from tests.centers_at_work import ENTRIES, Centers
from tests.closing import CENTERS, put, some_rows
from tests.factories import A_DAY
from tests.listening import mailbox, posts
from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names
from tests.streaming import configuration, until, workers

ROOT = Path(__file__).resolve().parents[2]
NOTICE = Notice("2022-01-18", "final", "2022-01-18 is final", "all is well\n", {"a": 1}, "f" * 64)


@pytest.fixture(scope="module")
def schema_ids(stack, services, chartfeed):
    chartfeed("topics", "create", home=stack)
    registry = Registry(services["registry"]["address"])
    return {record: registry.register(topic) for topic, record in RECORDS.items()}


@pytest.fixture
def config(tmp_path, services, schema_ids):
    """Write a configuration with these sections, and two centers unless others are named."""
    assert schema_ids

    def write(names=None, **sections):
        path = configuration(
            tmp_path,
            services["kafka"]["address"],
            services["registry"]["address"],
            CENTERS if names is None else names,
        )
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | sections), "utf-8")
        return path

    return write


@pytest.fixture
def close(chartfeed):
    def run(config, *options, day=A_DAY):
        words = ("--date", day, "--wait", "0s", *options)
        return chartfeed("--config", config, "day", "close", *words, check=False)

    return run


def started(config, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "chartfeed", "--config", config, "day", "close", *options],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def incomplete(worker):
    """Give whether the worker's metrics say of a center that yesterday lacks something."""
    (address,) = re.findall(r'"address": ?"(http://[^"]+/metrics)"', worker.said())
    with urlopen(address, timeout=10) as answer:
        text = answer.read().decode()
    told = re.findall(
        r'^chartfeed_day_incomplete_seconds\{center="(.*)"\} (.*)$', text, re.MULTILINE
    )
    return {center: float(seconds) > 0 for center, seconds in told}


@pytest.mark.kafka
@pytest.mark.timeout(200)
def test_yesterday_is_closed_as_soon_as_the_last_center_is_complete(
    services, schema_ids, config, close
):
    town = Centers(services["kafka"]["address"], schema_ids, 3)
    *early, late = town.names
    # Yesterday is where the centers are: a UTC day begins later.
    yesterday = datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=1)
    with posts() as hook, workers(config(town.names)) as start:
        path = config(town.names, notices={"webhook": {"url": hook.url}})
        worker = start("one", "--metrics-port", "0")

        def commit(center):
            content = {"patient_id": 7, "entry_date": yesterday, "chart_entry": "Kontrolle"}
            town.commit(center, [(ENTRIES, 1, content)])

        for center in early:
            commit(center)
        output = Folder(path.parent / "output")
        rows = path.parent / f"output/ivoris_chart_entries_{yesterday}.csv"
        until(lambda: rows.exists() and rows.read_text("utf-8").count("\n") == 3)
        lacking = close(path, day=yesterday)
        assert 1 == lacking.returncode
        assert f"{yesterday} is not complete: {late}\n" == f"{lacking.stdout.splitlines()[0]}\n"
        assert marker.read(output, yesterday) is None
        assert {center: center == late for center in town.names} == incomplete(worker)

        waiting = started(path, "--date", str(yesterday), "--wait", "60s")
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        assert line.startswith("waiting until ")
        assert f" UTC (--wait) for {late} (down); --wait 0s does not wait\n" in line
        commit(late)
        said, _ = waiting.communicate(timeout=60)
        assert dict.fromkeys(town.names, False) == incomplete(worker)

    assert 0 == waiting.returncode
    assert f"{yesterday} is final, revision 1: 3 rows" == said.splitlines()[0]
    found = marker.read(output, yesterday)
    assert found is not None
    assert ("final", 3) == (found.state, found.record_count)
    told = [post.body["headline"] for post in hook.got]
    assert [f"{yesterday} is not complete: {late}", said.splitlines()[0]] == told


@pytest.mark.kafka
def test_a_day_is_closed_whoever_can_not_be_told_and_they_are_told_later(tmp_path, config, close):
    with posts() as hook, posts() as slack, mailbox(tmp_path) as box:
        secrets = {"token": "a-token", "smtp": "geheim", "slack": f"{slack.url}/T/secret"}
        for name, secret in secrets.items():
            (tmp_path / name).write_text(f"{secret}\n")
        path = config(
            notices={
                "webhook": {"url": f"{hook.url}/in", "token_file": "token"},
                "slack": {"url_file": "slack"},
                "email": {
                    "host": "localhost",
                    "port": box.port,
                    "ca_file": str(box.ca),
                    "user": "chartfeed",
                    "password_command": "cat smtp",
                    "sender": "chartfeed@example.org",
                    "to": ["ada@example.org", "bob@example.org"],
                },
                "command": "cat >> told.json; echo $CHARTFEED_DAY $CHARTFEED_DAY_STATE >> days",
            },
        )
        target = Folder(tmp_path / "output")
        put(target, some_rows())
        hook.answers.append(503)
        slack.answers.append(404)
        box.refusals.append("451 later")

        done = close(path)

        assert 4 == done.returncode, done.stderr
        assert "a notice did not arrive by slack: HTTP 404" in done.stderr
        assert "secret" not in done.stdout + done.stderr
        written = marker.read(target, A_DAY)
        assert written is not None
        assert "final" == written.state
        assert [1, 2, 1] == [len(box.got), len(hook.got), len(slack.got)]

        again = close(path, "--json")

        assert 0 == again.returncode, again.stderr
        assert [1, 2, 2] == [len(box.got), len(hook.got), len(slack.got)]
        (said,) = json.loads(again.stdout)["days"]
    post = hook.got[-1]
    assert ("/in", "Bearer a-token", said) == (
        post.path,
        post.headers["Authorization"],
        post.body["report"],
    )
    assert "2022-01-18 is final, revision 1: 50 rows" in slack.got[-1].body["text"]
    assert said == json.loads((tmp_path / "told.json").read_text())
    assert "2022-01-18 final\n" == (tmp_path / "days").read_text()
    (mail,) = box.got
    assert "chartfeed: 2022-01-18 is final, revision 1: 50 rows" == mail["Subject"]
    assert [["ada@example.org", "bob@example.org"]] == box.receivers
    (attached,) = mail.iter_attachments()
    assert said == json.loads(attached.get_content())
    assert [] == box.in_the_clear


@pytest.mark.kafka
def test_runs_at_once_and_one_that_was_killed_close_and_tell_once(tmp_path, config):
    put(Folder(tmp_path / "output"), some_rows())
    # The run is killed while its notice is on its way.
    path = config(notices={"command": "echo begun >> told; test -e go || kill -9 $PPID"})
    words = ("--date", "2022-01-18", "--wait", "0s")
    killed = started(path, *words)
    killed.communicate(timeout=60)
    assert -signal.SIGKILL == killed.returncode
    assert marker.read(Folder(tmp_path / "output"), A_DAY) is not None
    (tmp_path / "go").touch()

    runs = [started(path, *words) for _ in range(3)]
    ends = [run.communicate(timeout=60) for run in runs]

    assert [0, 0, 0] == [run.returncode for run in runs], ends
    assert 2 == (tmp_path / "told").read_text().count("begun")
    found = marker.read(Folder(tmp_path / "output"), A_DAY)
    assert found is not None
    assert 1 == found.revision


@pytest.mark.kafka
def test_a_day_that_changed_after_it_was_closed_is_told_of_by_the_next_nights_run(
    tmp_path, config, close
):
    target = Folder(tmp_path / "output")
    put(target, some_rows())
    path = config(notices={"when": "problems", "command": "cat > told.json"})
    assert 0 == close(path).returncode
    assert not (tmp_path / "told.json").exists(), "a day without a remark is no problem"
    put(target, some_rows(24))
    following = A_DAY + timedelta(days=1)
    put(target, some_rows(day=following), day=following)

    done = close(path, day=following)

    assert 0 == done.returncode, done.stderr
    assert "2022-01-18 is final, revision 2: 48 rows, changed since revision 1" in done.stdout
    said = json.loads((tmp_path / "told.json").read_text())
    assert ["center_01", "center_02"] == said["changed_since"]["centers"]
    assert "2022-01-18: 48 rows" in shown(path)


def shown(path):
    """Show the day, as before it could be closed."""
    done = subprocess.run(
        [sys.executable, "-m", "chartfeed", "--config", path, "day", "2022-01-18"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--date", "2022-1-18"), "no day such as"),
        (("--wait", "soon"), "not a duration"),
        (("--date", "2999-01-01"), "is not over by then"),
    ],
)
def test_what_can_not_be_closed_is_said_at_once(tmp_path, chartfeed, options, why):
    path = configuration(tmp_path, "127.0.0.1:1", "http://127.0.0.1:1", CENTERS)

    done = chartfeed("--config", path, "day", "close", *options, check=False)

    assert (2, True) == (done.returncode, why in done.stderr), done.stderr


def a_mail(box, **changes):
    given = {
        "host": "localhost",
        "port": box.port,
        "sender": "a@example.org",
        "to": ("b@example.org",),
        "user": "chartfeed",
        "password": lambda: Secret("geheim"),
        "ca_file": str(box.ca),
    }
    return Mail(**(given | changes))


def refused(way):
    with pytest.raises(Undelivered) as error:
        way.send(NOTICE, 5)
    return error.value


def test_mail_goes_by_tls_with_a_known_certificate_or_not_at_all(tmp_path):
    with mailbox(tmp_path) as box:
        a_mail(box).send(NOTICE, 5)
        assert 1 == len(box.got)

        error = refused(a_mail(box, ca_file=None))
        assert (False, True) == (error.passing, error.message.startswith("TLS"))
        assert not refused(a_mail(box, password=lambda: Secret("wrong"))).passing
        box.refusals.append("550 never")
        assert not refused(a_mail(box)).passing
        box.refusals.append("450 later")
        assert refused(a_mail(box)).passing
        box.offers_tls = False
        assert "nothing was sent" in refused(a_mail(box)).message

    assert (1, []) == (len(box.got), box.in_the_clear)
    assert refused(a_mail(box)).passing, "a server that is away may come back"


@pytest.mark.parametrize(
    ("code", "passing"), [(302, False), (400, False), (401, False), (429, True), (502, True)]
)
def test_a_post_is_repeated_where_that_may_help_and_never_follows_a_redirection(code, passing):
    with posts() as server:
        server.answers.append(code)
        error = refused(Webhook(lambda: Secret(server.url), lambda: Secret("token")))

    assert (passing, f"HTTP {code}") == (error.passing, error.message)
    assert ["/"] == [post.path or "/" for post in server.got]


def test_a_server_that_is_away_may_come_back_and_no_address_is_told():
    with posts() as server:
        address = f"{server.url}/secret"

    error = refused(Slack(lambda: Secret(address)))

    assert (True, False) == (error.passing, "secret" in error.message)
