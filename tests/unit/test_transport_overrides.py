"""An upgrade of Faust or aiokafka is noticed before it does harm."""

import inspect
import ssl
from importlib.metadata import version

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecord
from faust.app.base import App
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.types import TP

from schemas.errors import BadInput, Outside
from stream_app.transport import consumer, credentials, versions
from stream_app.transport.app import StreamApp
from stream_app.transport.fetched import BatchScheduler, Fetched

# By name, the class whose method our own takes the place of.
OVERRIDDEN = {
    Consumer: consumer.BatchConsumer,
    AIOKafkaConsumerThread: consumer.BatchThread,
    App: StreamApp,
    PartitionRecords: consumer.PlainRecords,
}
OURS = {"bounds", "end", "fail", "lag", "run", "seek_all", "still_member", "tell_group"}


@pytest.mark.parametrize("theirs", OVERRIDDEN, ids=lambda theirs: theirs.__name__)
def test_what_is_overridden_is_still_there_and_called_the_same(theirs):
    ours = OVERRIDDEN[theirs]
    mine = {name for name, value in vars(ours).items() if inspect.isfunction(value)}

    for name in mine - OURS:
        if name.startswith("_") and not hasattr(theirs, name):
            # Our own private methods; none has the name of one of theirs.
            continue
        expected = list(inspect.signature(getattr(theirs, name)).parameters)
        found = list(inspect.signature(getattr(ours, name)).parameters)
        if name != "__init__":
            assert [one.lstrip("_") for one in expected] == [one.lstrip("_") for one in found], name


def test_the_private_parts_that_are_used_are_still_there():
    for name in ("_fetch_records", "_create_worker_consumer", "_commit", "on_thread_stop"):
        assert hasattr(AIOKafkaConsumerThread, name)
    for name in ("_wait_next_records", "_filter_committable_offsets", "seek_to_committed"):
        assert hasattr(Consumer, name)
    assert hasattr(App, "_crash")
    # Built by this name, and of records that have all that a join asks them for.
    assert "PartitionRecords(" in inspect.getsource(fetcher.Fetcher)
    assert {"offset", "key", "value", "timestamp"} <= set(dir(DefaultRecord))


def test_the_installed_versions_are_those_it_was_made_for():
    versions.check()

    assert versions.PINNED == {name: version(name) for name in versions.PINNED}


def test_another_version_is_refused_with_the_command_that_helps():
    with pytest.raises(Outside, match=r"pip install aiokafka==0\.14\.0"):
        versions.check(lambda name: "0.15.0" if name == "aiokafka" else versions.PINNED[name])


def test_a_partitions_records_are_one_batch():
    at = TP("entries", 3)
    batch = Fetched("entries", 3, (), 5, 7)

    assert [(at, batch)] == list(BatchScheduler().iterate({at: batch}))


def test_a_plain_connection_needs_no_credentials():
    assert credentials.of({"bootstrap.servers": "x"}) is None


def test_librdkafkas_words_for_a_login_are_understood():
    found = credentials.of(
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "chartfeed",
            "sasl.password": "a",
        }
    )

    assert ("chartfeed", "a") == (found.username, found.password)
    assert found.mechanism.value == "SCRAM-SHA-512"
    assert found.ssl_context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "options",
    [
        {"security.protocol": "kerberos"},
        {"security.protocol": "sasl_ssl", "sasl.mechanism": "GSSAPI"},
        {"security.protocol": "ssl", "ssl.ca.location": "no such file"},
    ],
)
def test_what_the_stream_cant_do_is_refused_and_not_passed_over(options):
    with pytest.raises(BadInput):
        credentials.of(options)
