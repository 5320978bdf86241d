"""What was published is read back while the registry comes and goes."""

from __future__ import annotations

import pytest

from schemas import avro
from schemas.codec import Encoder
from schemas.errors import RetryLater
from schemas.records import UnifiedEntry
from stream_app.worker.errors import LetGo
from stream_app.worker.published import LENGTHS, Spool
from tests.factories import a_unified_entry

ROW = a_unified_entry()


@pytest.fixture
def spool(tmp_path):
    value = Encoder(UnifiedEntry, 6).encode(ROW)
    path = tmp_path / "published.spool"
    path.write_bytes(LENGTHS.pack(3, len(value)) + b"key" + value)
    return Spool(path, {})


class Registry:
    """One that is down for so many questions."""

    def __init__(self, down):
        self.down = down

    def schema_of(self, _id):
        if self.down:
            self.down -= 1
            raise RetryLater("the registry is down")
        return avro.load(UnifiedEntry)


def test_a_registry_that_is_down_is_waited_for(spool):
    waits = []

    def wait(seconds):
        waits.append(seconds)
        return False

    found = spool.records(Registry(3).schema_of, wait)
    assert [(b"key", ROW)] == list(found)
    assert 3 == len(waits)


def test_nobody_waits_for_a_registry_who_is_told_to_stop(spool):
    with pytest.raises(LetGo):
        list(spool.records(Registry(3).schema_of, lambda _: True))
