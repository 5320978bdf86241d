"""The faults' own tools: schedules that come again, wires that do as they are told, tables."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import BadInput
from tests.faulting import report
from tests.faulting.kinds import KINDS
from tests.faulting.posts import Hurt, Post, Producing
from tests.faulting.proxy import State, Wire, Wires
from tests.faulting.rounds import Happened, Run
from tests.faulting.schedule import Round, plan, shown, shrunk
from tests.producing import Wound


def test_a_seed_gives_the_same_schedule_again() -> None:
    assert plan(7, 8) == plan(7, 8)
    assert plan(7, 8) != plan(8, 8)


def test_two_faults_of_a_round_never_strike_the_same() -> None:
    for seed in range(50):
        for round_ in plan(seed, 8):
            marks = [mark for fault in round_.faults for mark in fault.marks]
            assert len(marks) == len(set(marks)), shown([round_])


def test_a_schedule_is_shrunk_to_what_breaks_it() -> None:
    rounds = plan(3, 8)
    needed = rounds[5].faults[-1], rounds[2].faults[0]
    tries = []

    def breaks(some: list[Round]) -> bool:
        tries.append(some)
        return {fault for one in some for fault in one.faults} >= set(needed)

    found = shrunk(rounds, breaks)

    assert [(needed[1],), (needed[0],)] == [one.faults for one in found]
    assert len(tries) < 100
    assert [rounds[-1]] == shrunk(rounds, lambda some: some[-1:] == rounds[-1:])[-1:]


def test_a_post_may_be_ended_more_than_once(tmp_path: Path) -> None:
    post = Post(
        "producer-0", lambda _: Producing(tmp_path / "none.yml", tmp_path / "produce.log", ())
    )
    post.keep()
    assert post.process is not None
    assert post.process.wait(60) == BadInput.exit_code

    post.end()
    post.end()
    post.keep()

    assert post.ends == {BadInput.exit_code: 1}


def test_over_some_seeds_every_fault_comes() -> None:
    kinds = {
        fault.kind for seed in range(1, 9) for round_ in plan(seed, 5) for fault in round_.faults
    }

    assert set(KINDS) == kinds


def line_of(run: Run, kind: str) -> report.Line:
    return next(line for line in report.lines([run]) if line.fault == kind)


def test_a_violation_is_told_with_its_seed_its_schedule_and_in_the_table() -> None:
    rounds = plan(3, 2)
    first = rounds[0].faults[0]
    run = Run(3, rounds, "make it again", violation="lost", broken_in=0)
    run.happened = [Happened(first.kind, first.target, injected=True)]

    assert "seed 3, round 0: lost\nmake it again" in run.told()
    assert f"{first.kind} ({first.target})" in run.told()
    line = line_of(run, first.kind)
    assert (1, 0, 1) == (line.injected, line.recovered, line.violations)
    assert " 1 faults" in report.summary([run])


def test_a_fault_that_came_to_nothing_is_not_told_as_one_that_was_recovered_from() -> None:
    kind = "worker ended in a rebalance"
    run = Run(1, plan(1, 1), "make it again")
    run.happened = [
        Happened(kind, "worker-0", injected=True, recovered=2.5),
        Happened(kind, "worker-1", injected=True, missed=True),
    ]

    line = line_of(run, kind)
    assert (1, 1, 1) == (line.injected, line.recovered, line.missed)
    assert f"| {kind} | 1 | 1 | 2.5 s | 0 | 1 |" in report.table([line])


def test_a_post_is_to_end_at_its_point_until_it_has() -> None:
    class Ending:
        """A process that ends with the codes that it is given, one after the other."""

        pid = 0

        def __init__(self, code: int) -> None:
            self._code = code

        def code(self) -> int:
            return self._code

        def wait(self, seconds: float) -> int:
            del seconds
            return self._code

        def said(self) -> str:
            return ""

        def end(self) -> None:
            pass

    codes, given = iter([1, -9, 0]), []

    def start(wound: Wound | Hurt | None) -> Ending:
        given.append(wound)
        return Ending(next(codes))

    post, hurt = Post("worker-0", start), Hurt("in a rebalance", 1)
    post.hurt(hurt)
    while len(given) < 3:
        post.keep()
        post._rests_until = 0.0

    assert [hurt, hurt, None] == given
    assert post.spare()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Give a wire to a server that says back what it hears."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server, Wires() as wires:

        def echo() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(client,), daemon=True).start()

        def answer(client: socket.socket) -> None:
            with closing(client):
                while heard := client.recv(1000):
                    client.sendall(heard)

        threading.Thread(target=echo, daemon=True).start()
        yield wires.wire("echo", server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def test_no_connection_outlives_its_wires() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        with Wires() as wires:
            wire = wires.wire("silent", server.getsockname()[1])
            client = socket.create_connection(("127.0.0.1", wire.port), 5)
            behind, _ = server.accept()
        with closing(client), closing(behind):
            behind.settimeout(5)
            assert (b"", b"") == (client.recv(1), behind.recv(1))


def connected(wire: Wire) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", wire.port), 5)
    client.sendall(b"one")
    assert b"one" == client.recv(10)
    return client


def test_what_waited_at_a_cut_wire_passes_when_it_is_whole(wire: Wire) -> None:
    with closing(connected(wire)) as client:
        wire.become(State.CUT)
        client.sendall(b"two")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(10)
        wire.become(State.WHOLE)
        client.settimeout(5)

        assert b"two" == client.recv(10)


def test_a_connection_is_reset_in_the_midst_of_an_answer(wire: Wire) -> None:
    with closing(connected(wire)) as client:
        wire.become(State.RESET)
        client.sendall(b"12345678")

        with pytest.raises(ConnectionResetError):
            b"".join(iter(lambda: client.recv(10), b""))
