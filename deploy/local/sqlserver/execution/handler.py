"""What a handler is: it runs one kind of statement and gives its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploy.local.sqlserver.executor import Executor
    from deploy.local.sqlserver.results import Event

Handler = Callable[["Executor", Any], Iterator["Event"]]
