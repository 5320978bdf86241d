"""The flow of a batch: blocks, branches, loops, its end, WAITFOR and USE."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from deploy.local.sqlserver.results import Event
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.execution.handler import Handler
    from deploy.local.sqlserver.executor import Executor


class BatchOver(Exception):
    """No further statement of this batch runs."""


class LoopLeft(BatchOver):
    """BREAK, or CONTINUE where `again`."""

    def __init__(self, *, again: bool) -> None:
        super().__init__()
        self.again = again


def run_block(executor: Executor, node: statements.Block) -> Iterator[Event]:
    for statement in node.statements:
        yield from executor.statement(statement)


def _if(executor: Executor, node: statements.If) -> Iterator[Event]:
    if executor.condition(node.condition):
        yield from executor.statement(node.then)
    elif node.otherwise is not None:
        yield from executor.statement(node.otherwise)


def _while(executor: Executor, node: statements.While) -> Iterator[Event]:
    while executor.condition(node.condition):
        executor.session.check()
        try:
            yield from executor.statement(node.body)
        except LoopLeft as left:
            if not left.again:
                break


def _break(_executor: Executor, _: statements.Break) -> Iterator[Event]:
    raise LoopLeft(again=False)


def _continue(_executor: Executor, _: statements.Continue) -> Iterator[Event]:
    raise LoopLeft(again=True)


def _return(_executor: Executor, _: statements.Return) -> Iterator[Event]:
    raise BatchOver


def _wait(executor: Executor, node: statements.WaitFor) -> Iterator[Event]:
    delay = executor.text_value(node.delay)
    hours, minutes, seconds = (float(part) for part in delay.split(":"))
    until = time.monotonic() + hours * 3600 + minutes * 60 + seconds
    executor.session.work.rest()
    while (rest := until - time.monotonic()) > 0:
        executor.session.check()
        executor.session.instance.closing.wait(min(rest, 0.05))
    yield from ()


def _use(executor: Executor, node: statements.Use) -> Iterator[Event]:
    yield from executor.session.change_database(node.database)


HANDLERS: Mapping[type, Handler] = {
    statements.Block: run_block,
    statements.If: _if,
    statements.While: _while,
    statements.Break: _break,
    statements.Continue: _continue,
    statements.Return: _return,
    statements.WaitFor: _wait,
    statements.Use: _use,
}
