"""A hand that doubles numbers, for other processes import it by its name."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from schemas.errors import BadInput

__all__ = ["Doubling"]


@dataclass(frozen=True)
class Doubling:
    """Tells of the process that it is in; a step may ask it to refuse, or to die."""

    def do(self, step: int | str, say: Callable[[object], None]) -> int:
        say(os.getpid())
        if step == "refuse":
            raise BadInput("not this one", hint="another", where=3)
        if step == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * int(step)
