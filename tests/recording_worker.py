"""A worker that keeps no state: it writes down what the transport hands it, one JSON a line.

It stumbles over a record whose key is `fail`, and blocks its main loop at one named `block`. With
`patience`, a fetch that finds nothing lasts so many seconds.
"""

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path

from stream_app.transport.app import Membership, StreamApp, leave
from stream_app.transport.consumer import BatchConsumer, BatchTransport
from stream_app.transport.credentials import of

BLOCK_SECONDS = 11


class Recorder:
    def __init__(self, out, offsets):
        self.folder = out.parent
        self.out = out.open("a")
        self.wanted = offsets
        self.at = {}

    def say(self, event, **facts):
        print(json.dumps({"event": event, "at": time.time(), **facts}), file=self.out, flush=True)

    async def take_over(self, bounds):
        self.at = {
            tp: self.wanted.get(f"{tp.topic}:{tp.partition}", first)
            for tp, (first, _) in bounds.items()
        }
        self.say("take over", partitions=sorted([tp.topic, tp.partition] for tp in bounds))
        return self.at

    async def let_go(self):
        self.say("let go")

    def accept(self, batch):
        keys = [record.key.decode() for record in batch.records]
        self.say(
            "batch",
            topic=batch.topic,
            partition=batch.partition,
            start=batch.start,
            position=batch.position,
            keys=keys,
        )
        if "fail" in keys:
            raise RuntimeError("stumbled")
        if "block" in keys:
            time.sleep(BLOCK_SECONDS)
            self.say("unblocked")

    def offsets(self):
        return self.at


def patient(recorder, seconds):
    """Give a transport whose fetch waits for long, and that says when it is where the state is."""

    class Patient(BatchConsumer):
        async def _getmany(self, active_partitions, timeout):  # noqa: ASYNC109 - Faust's parameter
            del timeout
            return await super()._getmany(active_partitions, seconds)

        async def seek_to_committed(self):
            offsets = await super().seek_to_committed()
            recorder.say("sought", partitions=len(offsets))
            return offsets

    class Transport(BatchTransport):
        Consumer = Patient

    return Transport


async def main(bootstrap, membership, topics, recorder, patience):
    options = {"bootstrap.servers": bootstrap}
    app = StreamApp(
        bootstrap, membership, topics, recorder, folder=recorder.folder, credentials=of(options)
    )
    if patience is not None:
        app.transport = patient(recorder, patience)(app.conf.broker_consumer, app)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    try:
        await app.run(stop)
    except Exception:
        logging.getLogger("recorder").exception("failed")
        leave(1)
    recorder.say("end")
    leave(0)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(
        main(
            given["bootstrap"],
            Membership(given["group"], given["name"], keep=given["keep"]),
            given["topics"],
            Recorder(Path(given["out"]), given["offsets"]),
            given["patience"],
        )
    )
