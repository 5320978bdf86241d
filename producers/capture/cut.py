"""A cut through the topics: where everything ends now, so that no transaction is cut in two.

The checkpoint decides on which side a source transaction lies. A checkpoint below the cut has all
the events it covers below it: the checkpoints' ends are taken first, and the other topics' after
them, when no transaction is open any more below what was written by then. Events below the cut
whose checkpoint lies above it belong, like that checkpoint, to what comes after: a reader that
applies events when their checkpoint comes, as the join does, applies each source transaction on
one side of the cut as a whole. This holds for every center, whatever the others are doing.
"""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING, Final

from producers.capture.ends import COMMITTED, UNCOMMITTED, Ends, Positions
from producers.capture.errors import KafkaDown
from schemas import topics

if TYPE_CHECKING:
    from producers.capture.publisher import Options

__all__ = ["positions"]

# Another's open transaction is ended by the broker in this time.
WAITING_SECONDS: Final = 40.0
AGAIN_SECONDS: Final = 0.05


def positions(options: Options, partitions: int) -> Positions:
    """Give a cut of the source topics and the checkpoints, or raise KafkaDown.

    By topic and partition it is the offset of the first record after the cut.
    """
    ends = Ends(options)
    checkpoints = ends.of(product([topics.CHECKPOINTS.name], range(partitions)), COMMITTED)
    events = list(product([topic.name for topic in topics.SOURCE], range(partitions)))
    written = ends.of(events, UNCOMMITTED)
    deadline = time.monotonic() + WAITING_SECONDS
    while any(end < written[at] for at, end in ends.of(events, COMMITTED).items()):
        if time.monotonic() > deadline:
            raise KafkaDown(
                "a transaction stays open in the source topics", hint="is the broker well?"
            )
        time.sleep(AGAIN_SECONDS)
    return written | checkpoints
