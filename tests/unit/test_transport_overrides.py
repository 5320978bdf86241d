"""An upgrade of Faust or aiokafka is noticed before it does harm."""

import inspect
import ssl
from importlib.metadata import version

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecord
from faust.app.base import App, BootStrategy
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer

from schemas.errors import BadInput, Outside
from stream_app.transport import consumer, credentials, versions
from stream_app.transport.app import StreamApp, _Boot

# By theirs, our own class.
OVERRIDDEN: dict[type, type] = {
    Consumer: consumer.BatchConsumer,
    AIOKafkaConsumerThread: consumer.BatchThread,
    App: StreamApp,
    PartitionRecords: consumer.PlainRecords,
    BootStrategy: _Boot,
}
# What ours have beside that; nothing of theirs may have these names.
OURS: dict[type, set[str]] = {
    consumer.BatchConsumer: {"end", "tell_group"},
    consumer.BatchThread: {
        "_assigned",
        "_bounds",
        "_positioned",
        "_seek_all",
        "bounds",
        "end",
        "seek_all",
    },
    StreamApp: {"_batches", "_hand_over", "_let_go", "fail", "lag", "run", "still_member"},
}
# What mode and abc put into every class.
MADE = {"_abc_impl", "logger"}


def own(ours):
    """Give what a class says itself."""
    return {
        name: value
        for name, value in vars(ours).items()
        if name not in MADE and (inspect.isfunction(value) or not name.startswith("__"))
    }


def parameters(function):
    return [one.lstrip("_") for one in inspect.signature(function).parameters]


@pytest.mark.parametrize("theirs", OVERRIDDEN, ids=lambda theirs: theirs.__name__)
def test_what_is_overridden_is_still_there_and_called_the_same(theirs):
    ours = OVERRIDDEN[theirs]

    for name, value in own(ours).items():
        if name in OURS.get(ours, ()):
            continue
        there = getattr(theirs, name)
        if inspect.isfunction(value) and name != "__init__":
            assert parameters(there) == parameters(value), name
            assert inspect.iscoroutinefunction(there) == inspect.iscoroutinefunction(value), name


@pytest.mark.parametrize("theirs", OVERRIDDEN, ids=lambda theirs: theirs.__name__)
def test_what_is_ours_alone_takes_the_place_of_nothing(theirs):
    ours = OVERRIDDEN[theirs]

    for name in OURS.get(ours, ()):
        assert name in vars(ours)
        assert not hasattr(theirs, name), name


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
