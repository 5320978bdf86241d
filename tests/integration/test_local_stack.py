"""The local stack as its user meets it: by the command, and by what is left on the machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

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


def test_the_topics_are_created_by_their_owner_and_verified(stack, services, chartfeed):
    before = chartfeed("topics", "verify", home=stack, check=False)
    created = chartfeed("topics", "create", home=stack)
    after = chartfeed("topics", "verify", home=stack)

    assert 1 == before.returncode
    assert "next: chartfeed topics create" in before.stderr
    assert 10 == created.stdout.count("created chartfeed.")
    assert "10 topics are as declared" in after.stdout

    admin = AdminClient({"bootstrap.servers": services["kafka"]["address"]})
    found = admin.list_topics("chartfeed.chart-entries", timeout=10)
    assert 12 == len(found.topics["chartfeed.chart-entries"].partitions)
    resource = ConfigResource(ResourceType.TOPIC, "chartfeed.chart-entries")
    settings = admin.describe_configs([resource])[resource].result()
    assert "compact" == settings["cleanup.policy"].value


def test_another_number_of_partitions_is_refused(stack, chartfeed):
    chartfeed("topics", "create", home=stack)
    other = stack / "other.yml"
    text = (stack / "chartfeed.yml").read_text(encoding="utf-8")
    other.write_text(
        text.replace("kafka: {", "kafka: {topics: {partitions: 24}, "), encoding="utf-8"
    )

    answer = chartfeed("--config", other, "topics", "verify", home=stack, check=False)

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
    (tmp_path / "kafka" / "data" / "meta.properties").write_text("version=9\n", encoding="utf-8")

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
