"""All rows are read in the server's own order of keys, whatever their type, and after any kill."""

import uuid
from contextlib import closing
from dataclasses import replace
from itertools import count
from threading import Event
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from chartfeed import settings as configuration
from chartfeed.produce import contract
from producers import canonical, survey
from producers.capture import snapshot
from producers.capture.center import Center
from producers.capture.errors import KafkaDown
from producers.capture.job import Job
from producers.capture.tally import Tally
from producers.connection import connect
from producers.mapping import ColumnMapping, Mapping, TableMapping
from schemas import topics
from schemas.ids import IdType, Role
from tests.approved import AT
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(120)]

COLUMNS = {
    "PATIENT": "P_NAME nvarchar(100), P_VORNAME nvarchar(100), DELKZ int",
    "KASSEN": "NAME nvarchar(100), ART varchar(10), DELKZ int",
    "PATKASSE": "PATNR int, KASSENID {key}, DELKZ int",
    "KARTEI": "PATNR int, DATUM int, BEMERKUNG nvarchar(500), DELKZ int",
    "LEISTUNG": "PATIENTID int, DATUM int, LEISTUNG varchar(20), DELKZ int",
}
KEYS: dict[str, list[Any]] = {
    "int": [5, -3, 2**31 - 1, 17, 0, -(2**31), 8, 9],
    "bigint": [5, -3, 2**63 - 1, 17, 0, -(2**63), 2**31, 9],
    "varchar(20)": ["b", "A", "ä", "a-b", "Z", "9", "10", "67890/A22"],
    "uniqueidentifier": [
        f"{number:08x}-0{7 - number}00-0000-0{number % 3}00-00000000000{number % 2}"
        for number in range(8)
    ],
}
number = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: Any) -> Any:
    with running(tmp_path_factory.mktemp("keys")) as standin:
        yield standin


@pytest.fixture(scope="module")
def side(stack: Any, chartfeed: Any) -> Any:
    chartfeed("topics", "create", home=stack)
    chartfeed("schemas", "register", home=stack)
    return contract(configuration.load(stack / "chartfeed.yml"))


def a_center(server: Any, key: Any, keys: Any) -> Any:
    """Give an approved mapping of a database with keys of that type, and how to log in."""
    database = f"keys_{next(number)}"
    login = replace(login_of(server, database), center=f"keys-{uuid.uuid4().hex[:6]}")
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {database}").close()
        connection.execute(
            f"ALTER DATABASE {database} SET CHANGE_TRACKING = ON"
            " (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)"
        ).close()
        connection.execute(f"ALTER DATABASE {database} SET ALLOW_SNAPSHOT_ISOLATION ON").close()
    with closing(connect(login)) as connection:
        for table, columns in COLUMNS.items():
            connection.execute(
                f"CREATE TABLE {table} (ID {key} NOT NULL PRIMARY KEY, {columns.format(key=key)})"
            ).close()
            if table in canonical.TRACKED:
                connection.execute(f"ALTER TABLE {table} ENABLE CHANGE_TRACKING").close()
        for id_ in keys:
            connection.execute(
                "INSERT INTO KARTEI (ID, PATNR, DATUM, BEMERKUNG, DELKZ)"
                " VALUES (?, 1, 20220118, N'x', 0)",
                id_,
            ).close()
        for id_ in keys[:4]:
            connection.execute("INSERT INTO KASSEN (ID, NAME) VALUES (?, N'AOK')", id_).close()
        ordered = [row[0] for row in connection.execute("SELECT ID FROM KARTEI ORDER BY ID")]
        catalog = survey.read_tables(connection, login.center, "dbo", list(COLUMNS))
    tables = {}
    for name, wanted in canonical.TABLES.items():
        live: Any = catalog.table("dbo", name)
        mapped = {
            column: ColumnMapping(column, live.column(column).described, confidence=1.0)
            for column in wanted
        }
        tables[name] = TableMapping(name, mapped, live.primary_key, confidence=1.0)
    kind = IdType.INTEGER if "int" in key else IdType.TEXT
    ids = dict.fromkeys(Role, kind) | {Role.PATIENT: IdType.INTEGER}
    mapping = Mapping(login.center, database, "dbo", tables, ids)
    return mapping.approved_as("test", AT), login, [str(id_) for id_ in ordered]


class Dying(Tally):
    """Counts, and ends its center after every transaction."""

    def committed(self, before: Any, now: Any, messages: Any) -> None:
        super().committed(before, now, messages)
        raise KafkaDown("ended after a transaction")


def captured(side: Any, mapping: Any, login: Any, tally: Any) -> Any:
    Center(
        Job(
            center_id=mapping.center,
            mapping=lambda: mapping,
            connect=lambda: connect(login),
            contract=side,
            instance_id=uuid.uuid4().hex,
            poll_interval=0.1,
            guard=0.2,
            update=lambda _: None,
            tally=tally,
        ),
        Event(),
    ).run(once=True)


def published(side: Any, center: Any, topic: Any) -> Any:
    """Give the rows of a center's events, in order."""
    partition = topics.partition_of_center(center, side.partitions)
    settings = side.kafka | {
        "group.id": "test",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }
    found: list[str] = []
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(topic.name, partition, 0)])
        while True:
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                return found
            of, _, row = (message.key() or b"").decode().partition("/")
            if of == center:
                found.append(row)


@pytest.mark.parametrize("key", KEYS)
def test_rows_come_once_and_in_the_servers_order_though_killed_after_every_chunk(
    key: Any, server: Any, side: Any, monkeypatch: Any
) -> None:
    mapping, login, ordered = a_center(server, key, KEYS[key])
    usual = snapshot.read.__kwdefaults__ or {}
    monkeypatch.setattr(snapshot.read, "__kwdefaults__", {**usual, "chunk_rows": 3})

    for _ in range(6):
        with pytest.raises(KafkaDown, match="ended"):
            captured(side, mapping, login, Dying())
    captured(side, mapping, login, Tally())

    assert 8 == len(ordered)
    assert [row.lower() for row in ordered] == [
        row.lower() for row in published(side, mapping.center, topics.CHART_ENTRIES)
    ]
    assert 4 == len(published(side, mapping.center, topics.INSURERS))


def test_a_center_without_a_checkpoint_leaves_no_event_of_former_times(
    server: Any, side: Any
) -> None:
    mapping, login, ordered = a_center(server, "int", KEYS["int"])
    captured(side, mapping, login, Tally())
    producer = Producer(dict(side.kafka))
    producer.produce(
        topics.CHECKPOINTS.name,
        key=mapping.center.encode(),
        partition=topics.partition_of_center(mapping.center, side.partitions),
    )
    assert 0 == producer.flush(10)
    with closing(connect(login)) as connection:
        connection.execute("DELETE FROM KARTEI WHERE ID = 17").close()

    captured(side, mapping, login, Tally())

    rows = published(side, mapping.center, topics.CHART_ENTRIES)
    assert sorted([*ordered, *ordered]) == sorted(rows)
    assert "17" == rows[-1]


def test_guids_are_in_sql_servers_order_which_is_nobody_elses(server: Any) -> None:
    keys = KEYS["uniqueidentifier"]
    _, _, ordered = a_center(server, "uniqueidentifier", keys)

    weight = (10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3)
    due = sorted(keys, key=lambda text: [uuid.UUID(text).bytes_le[at] for at in weight])
    assert sorted(keys) != due
    assert due == [text.lower() for text in ordered]
