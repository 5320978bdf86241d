"""The rights in Kafka are the same in all their forms, and name what the code uses."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from chartfeed.produce import WRITTEN as CAPTURED
from chartfeed.stream import WRITTEN as JOINED
from chartfeed.stream_group import GROUP
from producers.capture.publisher import transactional_id
from schemas import topics
from stream_app.worker.sender import PUBLISHERS, Sender
from stream_app.worker.worker import READ

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FOLDER = DEPLOY / "kafka"
DEPLOYED = sorted(
    [*(DEPLOY / "kubernetes/base/config").glob("*.yml"), *(DEPLOY / "systemd").glob("*.yml")]
)
KINDS = {"transactionalId": "transactional-id"}


def listed():
    lines = [line.split("#")[0].split() for line in (FOLDER / "acls.txt").read_text().splitlines()]
    return {
        (who, operation, kind, name)
        for who, operations, kind, name in filter(None, lines)
        for operation in operations.split(",")
    }


def may(who, operation, kind, name):
    return any(
        (who, operation, kind) == right[:3]
        and (name.startswith(right[3][:-1]) if right[3].endswith("*") else name == right[3])
        for right in listed()
    )


def test_strimzis_users_have_what_is_listed():
    found = {
        (
            user["metadata"]["name"],
            operation,
            KINDS.get(acl["resource"]["type"], acl["resource"]["type"]),
            acl["resource"]["name"] + "*" * (acl["resource"]["patternType"] == "prefix"),
        )
        for user in yaml.safe_load_all((FOLDER / "users.yaml").read_text())
        if user
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }

    assert listed() == found


def test_the_script_grants_what_is_listed():
    done = subprocess.run(
        ["bash", FOLDER / "acls.sh", "--print"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    found = set()
    for line in done.stdout.splitlines():
        (who,) = re.findall(r"User:(\S+)", line)
        ((kind, name),) = re.findall(r"--(topic|group|transactional-id) (\S+)", line)
        star = "*" * line.endswith("prefixed")
        found |= {(who, one, kind, name + star) for one in re.findall(r"--operation (\S+)", line)}

    assert listed() == found


@pytest.mark.parametrize("words", [(), ("kafka:9093",), ("a", "b", "c")])
def test_the_script_says_how_it_is_called(words):
    done = subprocess.run(
        ["bash", FOLDER / "acls.sh", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    assert 2 == done.returncode
    assert done.stderr.startswith("usage: ")
    assert "acls.sh BOOTSTRAP ADMIN.properties" in done.stderr
    assert 1 == done.stderr.count("\n")


def test_each_component_may_what_it_does_and_writes_nothing_else():
    def written(who):
        return {topic.name for topic in topics.ALL if may(who, "Write", "topic", topic.name)}

    assert {topic.name for topic in (*CAPTURED, topics.COMMANDS)} == written("chartfeed-producer")
    assert {topic.name for topic in JOINED.values()} == written("chartfeed-stream")
    assert {topics.COMMANDS.name} == written("chartfeed-operator")
    assert set() == written("chartfeed-reader") | written("chartfeed-admin")


def test_transactions_and_groups_are_those_of_the_code():
    joins = Sender({}, 7, "x")._settings["transactional.id"]

    assert may("chartfeed-producer", "Write", "transactional-id", transactional_id("center_07"))
    assert may("chartfeed-stream", "Write", "transactional-id", joins)
    assert not may("chartfeed-producer", "Write", "transactional-id", joins)
    for group in (GROUP, PUBLISHERS):
        assert may("chartfeed-stream", "Read", "group", group)


def test_a_worker_may_read_what_it_reads():
    for name in (*READ, topics.PROGRESS.name, topics.CENTER_STATUS.name):
        assert may("chartfeed-stream", "Read", "topic", name), name


def deployed():
    """Give each configuration that is shipped for a cluster with rights."""
    found = {path: yaml.safe_load(path.read_text("utf-8")) for path in DEPLOYED}
    return {path: content for path, content in found.items() if "kafka" in content}


def strimzis(kind):
    cluster = yaml.safe_load_all((FOLDER / "cluster.yaml").read_text("utf-8"))
    return [one for one in cluster if one["kind"] == kind]


def test_every_user_that_is_deployed_has_rights():
    listed_by_strimzi = {
        user["metadata"]["name"]
        for user in yaml.safe_load_all((FOLDER / "users.yaml").read_text("utf-8"))
        if user
    }
    found = {path: content["kafka"]["user"] for path, content in deployed().items()}

    assert len(found) >= 8
    for path, user in found.items():
        assert f"chartfeed-{path.stem}" == user
        assert user in {right[0] for right in listed()}, path
        assert user in listed_by_strimzi, path


def test_what_is_deployed_knows_the_clusters_ca_and_agrees_on_the_topics():
    for path, content in deployed().items():
        options = content["kafka"]["options"]
        assert "SASL_SSL" == options["security.protocol"], path
        assert options["ssl.ca.location"].endswith("/kafka-ca.crt"), path
        assert {"partitions": 12, "replication": 3} == content["kafka"]["topics"], path


def test_files_are_written_as_parquet_too_and_alike_by_all():
    found = {
        str(path): content["output"] for path, content in deployed().items() if "output" in content
    }

    assert len(found) >= 4
    for path, output in found.items():
        assert ["csv", "json", "parquet"] == output["formats"], path


def test_the_clusters_administrator_can_log_in_where_it_listens():
    (cluster,) = strimzis("Kafka")
    kinds = {one["authentication"]["type"] for one in cluster["spec"]["kafka"]["listeners"]}
    users = {one["metadata"]["name"]: one for one in strimzis("KafkaUser")}

    assert {"scram-sha-512"} == kinds
    for name in cluster["spec"]["kafka"]["authorization"]["superUsers"]:
        # By SCRAM a principal is the name; by a certificate it would begin with CN=.
        assert "scram-sha-512" == users[name]["spec"]["authentication"]["type"]
        assert name not in {right[0] for right in listed()}
