from datetime import timedelta
from pathlib import Path

import pytest

from chartfeed import settings
from schemas.errors import BadInput

CENTERS = """\
centers:
  - {id: center_01, name: Zahnarztpraxis München, server: "127.0.0.1,14330", database: DentalDB_01}
  - {id: center_02, name: Praxis Zürich, server: "127.0.0.1,14330", database: DentalDB_02,
     enabled: false, password_env: OWN}
"""
ONE = "centers:\n  - {id: a, name: A, server: s, database: d}"


@pytest.fixture
def write(tmp_path: Path):
    def files(config: str = "{}", centers: str = CENTERS) -> Path:
        (tmp_path / "centers.yml").write_text(centers, encoding="utf-8")
        path = tmp_path / "chartfeed.yml"
        path.write_text(config, encoding="utf-8")
        return path

    return files


def test_an_empty_file_gives_the_defaults(write):
    found = settings.load(write(""), {})

    assert timedelta(milliseconds=500) == found.producers.poll_interval
    assert 12 == found.kafka.topics.partitions
    assert timedelta(days=14) == found.kafka.topics.delete_retention
    assert ("csv", "json") == found.output.formats
    assert {"P", "PKV", *"123456789", "G", "GKV"} == set(found.insurance_status)


def test_paths_are_relative_to_the_file(write, tmp_path, monkeypatch):
    path = write("mappings: names/\noutput: {path: out/}")
    monkeypatch.chdir("/")

    found = settings.load(path, {})

    assert tmp_path / "names" == found.mappings
    assert str(tmp_path / "out") == found.output_path


def test_an_output_url_stays_as_it_is(write):
    assert "s3://days/x" == settings.load(write("output: {path: 's3://days/x'}"), {}).output_path


def test_centers_are_those_that_are_enabled_unless_named(write):
    found = settings.load(write(), {})

    assert ["center_01"] == [center.id for center in found.select(())]
    assert ["center_02"] == [center.id for center in found.select(("center_02",))]


def test_an_unknown_center_is_answered_with_those_there_are(write):
    with pytest.raises(BadInput, match=r"no center 'center_9'[\s\S]*use one of: center_01"):
        settings.load(write(), {}).center("center_9")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("producers:\n  pol_interval: 1s", r":2: unknown key 'pol_interval'; did you mean 'poll_"),
        ("kafka:\n  topics: {partitons: 3}", r":2: unknown key 'partitons'; did you mean 'partit"),
        ("oputput: {}", r":1: unknown key 'oputput'; did you mean 'output'"),
        ("producers: {poll_interval: 5 minutes}", r"'5 minutes' is not a duration such as 500ms"),
        ("producers: {poll_interval: 10ms}", r"poll_interval"),
        ("\noutput: {formats: [xml]}", r":2: output.formats.0: .*'csv'"),
        ("kafka: {topics: {partitions: zwölf}}", r"kafka.topics.partitions"),
        ("a: [", r"not valid YAML"),
        ("output: {}\noutput: {}", r":2: output is given twice"),
        ("- 1", r":1: "),
        ("insurance_status: {P: Privat}", r"insurance_status.P"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(write, config, said):
    with pytest.raises(BadInput, match=said) as caught:
        settings.load(write(config), {})

    assert "chartfeed.yml" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("centers", "said"),
    [
        ("centers:\n  - {id: a, name: A, server: s}", r":2: .*database is missing"),
        ("centers:\n  - {id: a/b, name: A, server: s, database: d}", r":2: centers.0.id"),
        (
            "centers:\n  - {id: a, name: A, server: s, database: d, timezone: Mars/City}",
            r"'Mars/City' is not a time zone",
        ),
        (
            ONE + "\n  - {id: A, name: A, server: s, database: e}",
            r"the center A is listed twice",
        ),
        (
            ONE + "\n  - {id: b, name: A, server: S, database: D}",
            r"a and b name the same database",
        ),
    ],
)
def test_a_mistake_among_the_centers_is_named(write, centers, said):
    with pytest.raises(BadInput, match=said):
        settings.load(write("{}", centers), {})


def test_passwords_come_from_where_the_file_says_and_show_themselves_to_nobody(write, tmp_path):
    (tmp_path / "secret").write_text("Secret-1\n", encoding="utf-8")
    path = write("sqlserver: {password_file: secret}")
    found = settings.load(path, {"OWN": "Secret-2"})

    by_file = found.password(found.center("center_01"))
    by_environment = found.password(found.center("center_02"))

    assert "Secret-1" == by_file.reveal()
    assert "Secret-2" == by_environment.reveal()
    assert "Secret-" not in f"{by_file!r}{by_file}{by_environment!r}{found!r}"


def test_a_password_command_is_run(write):
    found = settings.load(write("sqlserver: {password_command: printf word}"), {})

    assert "word" == found.password(found.center("center_01")).reveal()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{}", "no password is configured"),
        ("sqlserver: {password_env: NOT_SET}", "NOT_SET is not set"),
        ("sqlserver: {password_file: gone}", "can't be read"),
        ("sqlserver: {password_command: 'exit 3'}", "password_command failed"),
    ],
)
def test_a_password_that_is_not_there_is_said_with_the_next_step(write, config, said):
    found = settings.load(write(config), {})

    with pytest.raises(BadInput, match=said) as caught:
        found.password(found.center("center_01"))

    assert caught.value.hint


def test_the_option_comes_before_the_environment_before_the_folder_before_the_local_stack(
    tmp_path,
):
    names = ["option.yml", "environment.yml", "chartfeed.yml", "local.yml"]
    option, environment, here, local = (tmp_path / name for name in names)
    for path in (option, environment, here, local):
        path.write_text("", encoding="utf-8")
    variables = {"CHARTFEED_CONFIG": str(environment)}

    assert option == settings.find(str(option), variables, tmp_path, local)
    assert environment == settings.find(None, variables, tmp_path, local)
    assert here == settings.find(None, {}, tmp_path, local)
    here.unlink()
    assert local == settings.find(None, {}, tmp_path, local)
    local.unlink()
    with pytest.raises(BadInput, match="chartfeed local up") as error:
        settings.find(None, {}, tmp_path, local)
    assert str(here) in str(error.value)
    assert str(local) in str(error.value)


def test_kafkas_password_becomes_an_option_when_it_is_needed_and_shows_nowhere(write, tmp_path):
    text = "kafka: {user: feed, password_file: key, options: {security.protocol: sasl_ssl}}"
    found = settings.load(write(text), {})
    (tmp_path / "key").write_text("topsecret\n")

    options = found.kafka.options

    assert {
        "security.protocol": "sasl_ssl",
        "sasl.username": "feed",
        "sasl.password": "topsecret",
    } == options
    assert "topsecret" not in repr(found)


def test_a_password_of_kafka_that_is_missing_names_the_section(write):
    found = settings.load(write("kafka: {password_env: NOT_SET}"), {})

    with pytest.raises(BadInput, match=r"kafka: the environment variable NOT_SET"):
        _ = found.kafka.options


def test_two_passwords_for_kafka_are_refused(write):
    text = "kafka: {password_env: A, options: {sasl.password: x}}"

    with pytest.raises(BadInput, match=r"another one is"):
        _ = settings.load(write(text), {"A": "y"}).kafka.options


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("{}", None),
        ("{user: u, password_env: A}", "Basic dTp5"),
        ("{token_env: A}", "Bearer y"),
    ],
)
def test_the_registry_is_shown_a_password_or_a_token(write, text, due):
    found = settings.load(write(f"registry: {text}"), {"A": "y"})

    assert due == found.registry.access().authorization()
    assert "'y'" not in repr(found.registry.access())


@pytest.mark.parametrize(
    "text", ["{user: u}", "{password_env: A}", "{user: u, password_env: A, token_env: A}"]
)
def test_half_a_login_or_two_for_the_registry_are_refused(write, text):
    with pytest.raises(BadInput):
        settings.load(write(f"registry: {text}"), {"A": "y"}).registry.access()


def test_a_login_in_the_registrys_address_is_refused_without_being_shown(write):
    found = settings.load(write("registry: {url: 'https://me:topsecret@registry/apis'}"), {})

    with pytest.raises(BadInput) as caught:
        found.registry.client()
    assert "topsecret" not in str(caught.value)
