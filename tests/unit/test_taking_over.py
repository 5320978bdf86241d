"""Partitions that wander again while a worker takes them over."""

import asyncio
from contextlib import suppress

from faust.types import TP

from schemas import topics
from stream_app.join import TOPICS
from stream_app.transport.app import Membership, StreamApp
from stream_app.worker import sender
from stream_app.worker.folder import Folder
from stream_app.worker.worker import READ, Worker
from tests.naive_join import a_contract
from tests.unit.test_filing import NOWHERE, a_sink


def test_taking_over_may_be_given_up_at_any_time(tmp_path, monkeypatch):
    """Faust does so where the next rebalance comes before the state is open."""
    monkeypatch.setattr(sender, "PATIENCE", 0.5)
    bounds = {TP(topic, 0): (0, 0) for topic in (*TOPICS, topics.UNIFIED_ENTRIES.name)}

    async def given_up():
        worker = Worker(Folder(tmp_path, "here"), a_contract(), NOWHERE, a_sink(tmp_path))
        app = StreamApp("127.0.0.1:1", Membership("group", "one"), READ, worker, folder=tmp_path)
        worker._app, worker._loop = app, asyncio.get_running_loop()
        taking = asyncio.ensure_future(worker.take_over(bounds))
        await asyncio.sleep(0)
        assert worker._lanes, "nothing is being opened"
        taking.cancel()
        with suppress(asyncio.CancelledError):
            await taking
        await worker.let_go()
        await asyncio.sleep(0)
        return app.failure.done() and app.failure.result()

    assert not asyncio.run(given_up())
