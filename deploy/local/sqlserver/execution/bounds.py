"""The bounds of transactions: BEGIN, COMMIT, ROLLBACK and SAVE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from deploy.local.sqlserver.results import Event
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.execution.handler import Handler
    from deploy.local.sqlserver.executor import Executor


def _begin(executor: Executor, _: statements.BeginTransaction) -> Iterator[Event]:
    executor.session.begin()
    yield from ()


def _commit(executor: Executor, _: statements.CommitTransaction) -> Iterator[Event]:
    executor.session.commit()
    yield from ()


def _rollback(executor: Executor, node: statements.RollbackTransaction) -> Iterator[Event]:
    if node.name is not None and node.name.lower() in executor.session.savepoints:
        executor.session.rollback_to(node.name)
    else:
        executor.session.rollback()
    yield from ()


def _save(executor: Executor, node: statements.SaveTransaction) -> Iterator[Event]:
    executor.session.save(node.name)
    yield from ()


HANDLERS: Mapping[type, Handler] = {
    statements.BeginTransaction: _begin,
    statements.CommitTransaction: _commit,
    statements.RollbackTransaction: _rollback,
    statements.SaveTransaction: _save,
}
