"""A worker that keeps no state: it writes down what the transport hands it, one JSON a line.

It stumbles over a record whose key is `fail`, and blocks its main loop at one named `block`.
"""

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path

from stream_app.transport.app import Membership, StreamApp, leave
from stream_app.transport.credentials import of

BLOCK_SECONDS = 11


class Recorder:
    def __init__(self, out, offsets):
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


async def main(bootstrap, membership, topics, out, offsets):
    recorder = Recorder(out, offsets)
    options = {"bootstrap.servers": bootstrap}
    app = StreamApp(
        bootstrap, membership, topics, recorder, folder=out.parent, credentials=of(options)
    )
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
            Path(given["out"]),
            given["offsets"],
        )
    )
