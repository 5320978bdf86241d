"""What a bug report holds, and above all what it does not."""

import io
import json
import sqlite3
import threading
import zipfile
from contextlib import closing

import pytest
import yaml
from click.testing import CliRunner

from chartfeed import settings
from chartfeed.cli import cli
from chartfeed.doctor import configuration as doctor_configuration
from chartfeed.doctor import machine, reach, text
from schemas.errors import Outside

SECRET = "Zahnfee-8842"
"""Stands in every place where a secret, an address, a login or somebody's name may stand."""
NOWHERE = "127.0.0.1:1"


def configured(folder, **changes):
    """Write a configuration with the secret wherever one can be configured."""
    (folder / "password").write_text(SECRET)
    content = {
        "kafka": {
            "bootstrap": NOWHERE,
            "user": SECRET,
            "password_command": f"echo {SECRET}",
            "options": {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "linger.ms": 5,
                "client.id": SECRET,
                "ssl.key.password": SECRET,
                "ssl.keystore.password": SECRET,
                "sasl.oauthbearer.client.secret": SECRET,
                "sasl.oauthbearer.config": f"secret={SECRET}",
                "ssl.endpoint.identification.algorithm": SECRET,
            },
        },
        "registry": {"url": f"http://{NOWHERE}/{SECRET}", "token_command": f"echo {SECRET}"},
        "sqlserver": {
            "user": SECRET,
            "password_file": "password",
            "driver": f"nodriver;PWD={SECRET}",
        },
        "output": {"path": f"s3://key:{SECRET}@bucket/out"},
        "insurance_status": {SECRET: "GKV"},
    } | changes
    centers = [
        {
            "id": "center_01",
            "name": SECRET,
            "city": SECRET,
            "server": "127.0.0.1,1",
            "database": SECRET,
            "user": SECRET,
            "password_env": "CENTER_PASSWORD",
        },
        {"id": "center_02", "name": SECRET, "server": f"{SECRET}.invalid", "database": "two"},
    ]
    (folder / "centers.yml").write_text(yaml.safe_dump({"centers": centers}))
    path = folder / "chartfeed.yml"
    path.write_text(yaml.safe_dump(content))
    return path


def report_of(path, monkeypatch, *more):
    monkeypatch.setenv("CENTER_PASSWORD", SECRET)
    output = path.parent / "report.zip"
    arguments = ["--config", path, "doctor", "--seconds", 2, "--output", output, *more]
    done = CliRunner().invoke(cli, list(map(str, arguments)), standalone_mode=False)
    assert done.exception is None, done.exception
    with zipfile.ZipFile(io.BytesIO(output.read_bytes())) as archive:
        return done, json.loads(archive.read("report.json")), archive.read("report.txt").decode()


def test_no_secret_no_address_no_login_and_no_name_is_in_a_report(tmp_path, monkeypatch):
    done, report, text = report_of(configured(tmp_path), monkeypatch)

    everything = json.dumps(report, ensure_ascii=False) + text + done.output
    assert SECRET.lower() not in everything.lower()
    assert "127.0.0.1" not in everything
    assert str(tmp_path) not in json.dumps(report) + text
    assert done.return_value == 1
    assert report["answers"]["source center_01"]["reached"] is False


def test_what_is_harmless_is_told(tmp_path):
    found = doctor_configuration.shown(settings.load(configured(tmp_path), {}))

    assert found["kafka"]["options"] == {
        "linger.ms": 5,
        "sasl.mechanism": "SCRAM-SHA-512",
        "security.protocol": "SASL_PLAINTEXT",
        "ssl.endpoint.identification.algorithm": "set",
        "others": 5,
    }
    assert found["kafka"]["login"] == "password by command"
    assert found["registry"]["token"] == "token by command"
    assert [center["own_login"] for center in found["centers"]] == ["password by env", None]


def test_a_configuration_that_cannot_be_read_still_shows_the_versions(tmp_path):
    path = tmp_path / "chartfeed.yml"
    path.write_text("kafka: [")

    done = CliRunner().invoke(cli, ["--config", str(path), "doctor"], standalone_mode=False)

    assert "librdkafka" in done.output
    assert done.exception is not None


def test_a_report_is_a_zip_or_a_json(tmp_path):
    wanted = ["--config", str(configured(tmp_path)), "doctor", "--output", "report.txt"]
    done = CliRunner().invoke(cli, wanted, standalone_mode=False)
    assert "--output report.zip" in str(done.exception)


def test_who_says_nothing_is_left_behind():
    never = threading.Event()

    answers = reach.ask({"silent": never.wait, "quick": lambda: 1}, 0.2)

    never.set()
    assert answers["quick"].found == 1
    assert answers["silent"].failure == {"kind": "no answer within 0.2 s"}


def test_of_an_error_its_kind_is_told_and_a_command_but_not_its_words():
    def fails():
        raise Outside(f"{SECRET} says no", hint="chartfeed topics create", number=18456)

    def fails_too():
        raise Outside("no", hint=f"put the password into {SECRET}")

    answers = reach.ask({"one": fails, "two": fails_too}, 5)

    assert answers["one"].failure == {
        "kind": "Outside",
        "number": 18456,
        "next": "chartfeed topics create",
    }
    assert answers["two"].failure == {"kind": "Outside"}


def test_a_workers_state_is_told_by_its_facts(tmp_path):
    folder = tmp_path / "state" / "w1"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "join-3.sqlite")) as state:
        state.executescript(
            "CREATE TABLE meta (name TEXT, value); CREATE TABLE position (topic TEXT, offset);"
            "INSERT INTO meta VALUES ('format', 1), ('rebuilding', NULL), ('statuses', 'x');"
            "INSERT INTO position VALUES ('chartfeed.services', 7);"
        )
    (folder / "days-3.sqlite").write_bytes(b"nothing of SQLite's" * 100)
    (folder / "join-1.sqlite.aside").touch()

    (found,) = machine.states(settings.load(configured(tmp_path), {}))

    days, join = found.pop("files")
    assert found == {
        "worker": "w1",
        "at_work": False,
        "put_aside": 1,
        "rebuilt_waiting": False,
    }
    assert days["unreadable"] == "DatabaseError"
    assert (join["format"], join["positions"]) == (1, {"chartfeed.services": 7})


@pytest.mark.parametrize("logger", [None, "aiokafka.conn"])
def test_of_a_log_sentences_of_ours_are_told_and_no_values(tmp_path, logger):
    line = {
        "event": "can't send" if logger is None else f"login of {SECRET} refused",
        "level": "warning",
        "timestamp": "2026-01-02T03:04:05Z",
        "why": SECRET,
        "exception": "KafkaDown in send:12",
    } | ({} if logger is None else {"logger": logger})
    path = tmp_path / "log"
    path.write_text(f"no JSON {SECRET}\n" + f"{json.dumps(line)}\n" * 3)

    log = machine.read_log(path)

    assert log.read == 3
    (found,) = log.warnings
    assert found == {
        "level": "warning",
        "event": None if logger else "can't send",
        "library": logger,
        "exception": "KafkaDown in send:12",
        "count": 3,
        "last": "2026-01-02T03:04:05Z",
    }


def test_a_log_that_is_no_json_is_told_as_such(tmp_path, monkeypatch):
    log = tmp_path / "kafka.log"
    log.write_text("[2026-01-02 03:04:05] WARN something (kafka.log.Cleaner)\n12\n")

    _, report, said = report_of(configured(tmp_path), monkeypatch, "--log", log)

    assert report["log_lines_read"] == 0
    assert said.partition("Log\n")[2].startswith("  ! no line of this file is JSON\n")


def told(**facts):
    """Give what the report says of one center."""
    known = {
        "center_id": "center_07",
        "state": "unreviewed",
        "mapping": "missing",
        "version": None,
        "source_version": None,
        "lag_seconds": None,
        "dead_letters": 0,
        "restarts": 0,
        "needs_somebody": False,
        "next_command": None,
    } | facts
    (line,) = text.centers({"reached": True, "found": [known]})
    return line.strip()


def test_a_center_that_never_began_has_no_position_yet():
    assert "no approved mapping, no position yet, 0 dead letters" in told()


def test_a_position_is_told_with_what_is_known_of_the_source():
    assert "version 7, lag not known" in told(version=7)
    assert "version 7 of 9, lag 1.5 s" in told(version=7, source_version=9, lag_seconds=1.5)


@pytest.mark.parametrize(("ahead", "said"), [(-0.04, "+0.0 s"), (-0.06, "-0.1 s"), (3, "+3.0 s")])
def test_a_clock_that_is_right_is_not_behind_by_nothing(ahead, said):
    found = {"server_version": "16.0", "clock_ahead_seconds": ahead}
    answer = {"reached": True, "seconds": 0.1, "found": found}

    (line,) = text.reached({"source center_07": answer})

    assert line.endswith(f"clock {said}")
