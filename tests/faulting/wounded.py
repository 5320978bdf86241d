"""`chartfeed` that gets a signal at a named point: `python -m … PLACE TIMES SIGNAL -- ARGUMENTS`.

The points of a worker are those at which something of its becomes durable, or passes to another.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, TypeAlias

import confluent_kafka

from chartfeed import cli
from stream_app.files.targets import TEMPORARY
from stream_app.join import state
from stream_app.sink import store
from stream_app.worker import sender, worker

__all__ = ["PLACES", "REBALANCE"]

Count: TypeAlias = Callable[..., None]

REBALANCE: Final = "in a rebalance"
COMMIT: Final = "COMMIT"


def _around(owner: type[Any], name: str, *, before: Callable[..., Any]) -> None:
    """Have `before` called with the arguments of each call of a method."""
    method: FunctionType = getattr(owner, name)

    @wraps(method)
    def called(*arguments: Any, **options: Any) -> Any:
        before(*arguments)
        return method(*arguments, **options)

    setattr(owner, name, called)


def _at(times: int, number: int) -> Count:
    """Give what sends us the signal when it is called for that time."""
    left = itertools.count(times - 1, -1)

    def count(*_: object) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), number)

    return count


def _before_a_rename(count: Count) -> None:
    _around(
        Path, "replace", before=lambda path, *_: count() if path.name.endswith(TEMPORARY) else None
    )


def _around_a_commit(count: Count, *, module: ModuleType, name: str, after: bool) -> None:
    """Count the commits of the databases that a module opens by the function of that name."""
    connect = vars(module)[name]

    def counted(*arguments: Any) -> Any:
        made = connect(*arguments)
        is_committed = False

        def traced(sql: str) -> None:
            nonlocal is_committed
            # What follows a commit is told when that is done.
            if is_committed if after else sql == COMMIT:
                count()
            is_committed = sql == COMMIT

        made.set_trace_callback(traced)
        return made

    vars(module)[name] = counted


def _around_a_sending(count: Count, *, after: bool) -> None:
    class Dying(confluent_kafka.Producer):
        def commit_transaction(self, *arguments: Any) -> None:
            if not after:
                count()
            super().commit_transaction(*arguments)
            if after:
                count()

    vars(sender)["Producer"] = Dying


def _in_a_rebalance(count: Count) -> None:
    _around(worker.Worker, "let_go", before=count)


PLACES: Final[Mapping[str, Callable[[Count], None]]] = {
    "between file and rename": _before_a_rename,
    "before a state's commit": partial(
        _around_a_commit, module=state, name="_connect", after=False
    ),
    "after a state's commit": partial(_around_a_commit, module=state, name="_connect", after=True),
    "before the days' commit": partial(_around_a_commit, module=store, name="connect", after=False),
    "after the days' commit": partial(_around_a_commit, module=store, name="connect", after=True),
    "before an output's commit": partial(_around_a_sending, after=False),
    "after an output's commit": partial(_around_a_sending, after=True),
    REBALANCE: _in_a_rebalance,
}


if __name__ == "__main__":
    place, times, number, _, *arguments = sys.argv[1:]
    PLACES[place](_at(int(times), int(number)))
    cli.main(arguments)
