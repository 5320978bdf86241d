"""What each kind of statement does when it runs.

`handler` says what they have in common. Then by kind: `queries`, `variables`, `control` (blocks and
loops), `raising` (errors), `bounds` (of transactions), `settings`, `calls`. Definitions and what
concerns a whole database have handlers of their own, in `definitions` and `administration`.
"""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.sqlserver import administration, definitions
from deploy.local.sqlserver.execution import (
    bounds,
    calls,
    control,
    queries,
    raising,
    settings,
    variables,
)
from deploy.local.sqlserver.execution.handler import Handler
from deploy.local.sqlserver.translation import statements

HANDLERS: Mapping[type, Handler] = {
    **queries.HANDLERS,
    **variables.HANDLERS,
    **control.HANDLERS,
    **raising.HANDLERS,
    **bounds.HANDLERS,
    **settings.HANDLERS,
    **calls.HANDLERS,
    **dict.fromkeys(definitions.STATEMENTS, definitions.run),
    **dict.fromkeys(
        (
            statements.CreateDatabase,
            statements.DropDatabase,
            statements.AlterDatabase,
            statements.CreateLogin,
            statements.AlterLogin,
            statements.DropLogin,
            statements.Kill,
            statements.Backup,
            statements.Restore,
            statements.Checkpoint,
        ),
        administration.run,
    ),
}

__all__ = ["HANDLERS"]
