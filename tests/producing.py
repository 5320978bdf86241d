"""`chartfeed produce` as processes that can be wounded, each forked in a moment."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import confluent_kafka
import psutil

import chartfeed.produce  # noqa: F401 - forked processes need not import it again
from chartfeed import cli
from producers.capture import publisher

__all__ = ["Produce", "Wound", "producing"]

SECONDS_TO_GO: Final = 30
CONTEXT: Final = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["__main__", __name__])


@dataclass(frozen=True, slots=True)
class Wound:
    """Where a producer gets a signal: `when` a call of its Kafka producer, in a transaction."""

    when: str
    call: str
    transaction: int = 1
    times: int = 1
    """Which of the calls in that transaction."""
    signal: signal.Signals = signal.SIGKILL


class Produce:
    """A running `chartfeed produce`."""

    def __init__(self, config: Path, log: Path, arguments: tuple[str, ...], wound: Wound | None):
        self._log = log
        command = ("--config", str(config), "produce", *arguments)
        self._code: int | None = None
        self._process = CONTEXT.Process(target=_produce, args=(command, log, wound, os.getpid()))
        self._process.start()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    def wait(self, seconds: float = SECONDS_TO_GO) -> int:
        """Give its exit code, negative for a signal."""
        if self._code is not None:
            return self._code
        self._process.join(seconds)
        code = self._process.exitcode
        assert code is not None, f"still running after {seconds} s: {self.said()[-2000:]}"
        return code

    def stop(self) -> int:
        self.tell(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        self.tell(signal.SIGKILL)
        assert -signal.SIGKILL == self.wait()

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal, as SIGSTOP and SIGCONT."""
        os.kill(self.pid, number)

    def is_running(self) -> bool:
        return self._code is None and self._process.is_alive()

    def said(self) -> str:
        return self._log.read_text()

    def memory(self) -> int:
        """Give the bytes that are its own: what it shares with its likes is not counted."""
        return int(psutil.Process(self.pid).memory_full_info().uss)

    def most_memory(self) -> int:
        """Give the most that it ever had resident, shared libraries included."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.is_running():
            self._process.kill()
        if self._code is None:
            self._code = self.wait(10)
            self._process.close()


@contextmanager
def producing(
    config: Path, log: Path, *arguments: str, wound: Wound | None = None
) -> Iterator[Produce]:
    """Run `chartfeed produce` with these arguments; it is gone in the end, whatever happens."""
    running = Produce(config, log, arguments, wound)
    try:
        yield running
    finally:
        running.end()


def _produce(command: tuple[str, ...], log: Path, wound: Wound | None, owner: int) -> None:
    _end_with(owner)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if wound is not None:
        _inflict(wound)
    cli.main(command)


def _end_with(owner: int) -> None:
    """Have this process killed when the tests are gone, however they went."""
    handle = os.pidfd_open(owner)

    def watch() -> None:
        select.select([handle], [], [])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _inflict(wound: Wound) -> None:
    left = [wound]

    class Dying(confluent_kafka.Producer):
        """A producer whose process is wounded at one step of one transaction."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._transactions = 0
            self._calls = 0

        def _at(self, when: str, call: str) -> None:
            if (wound.when, wound.call) == (when, call) and wound.transaction == self._transactions:
                self._calls += 1
                if self._calls == wound.times and left:
                    left.clear()
                    if call == "produce":
                        super().flush(5)  # What was produced so far has reached the broker.
                    os.kill(os.getpid(), wound.signal)

        def begin_transaction(self) -> None:
            self._transactions += 1
            self._at("before", "begin_transaction")
            super().begin_transaction()
            self._at("after", "begin_transaction")

        def produce(self, *arguments: Any, **options: Any) -> None:
            self._at("before", "produce")
            super().produce(*arguments, **options)
            self._at("after", "produce")

        def commit_transaction(self, *arguments: Any) -> None:
            self._at("before", "commit_transaction")
            dying = threading.Timer(0.001, self._at, ("during", "commit_transaction"))
            dying.start()
            super().commit_transaction(*arguments)
            dying.join()
            self._at("after", "commit_transaction")

    vars(publisher)["Producer"] = Dying
