"""What happens to practices and producers, and the events still say what the staff's journal says.

Every scenario has a practice of its own; they are played at once, because they mostly wait.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import pytest

from deploy.local.practice import statements
from schemas import topics
from tests.crowding import crowd
from tests.producing import Wound
from tests.scene import READER, Scene, Stage, named_apart, stage

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(400)]

AT_ONCE: Final = 6
STEPS: Final = {
    "before begin": Wound("before", "begin_transaction"),
    "after begin": Wound("after", "begin_transaction"),
    "in the middle of producing": Wound("after", "produce", times=3),
    "before commit": Wound("before", "commit_transaction"),
    "during commit": Wound("during", "commit_transaction"),
    "after commit": Wound("after", "commit_transaction"),
}
MEGABYTE: Final = 1_000_000


def killed_at_every_step(scene: Scene) -> None:
    scene.once()
    for number, wound in enumerate(STEPS.values()):
        scene.staff(5, seed=number)
        with scene.produce(wound=wound) as dying:
            assert -signal.SIGKILL == dying.wait(), dying.said()
    scene.staff(5)
    scene.once()

    told = scene.compared()

    assert 0 == told.repeated
    assert 3 <= told.compared


def killed_in_the_first_snapshot(scene: Scene) -> None:
    for number in (1, 2, 3):
        with scene.produce(wound=Wound("before", "commit_transaction", number)) as dying:
            assert -signal.SIGKILL == dying.wait(), dying.said()
        scene.staff(3)
    scene.once()

    assert scene.compared().compared > 0


def killed_in_a_resync(scene: Scene) -> None:
    scene.once()
    scene.staff(3)
    [gone] = scene.some("KARTEI", 1)
    assert 0 == scene.command("resync", scene.id)
    for number in (3, 2, 3):
        with scene.produce(wound=Wound("before", "commit_transaction", number)) as dying:
            assert -signal.SIGKILL == dying.wait(), dying.said()
        scene.staff(2)
    scene.run(f"DELETE FROM <KARTEI> WHERE ID = {gone}")

    said = scene.once()

    assert "reading all rows goes on" in said
    scene.staff(3)
    assert "reading all rows" not in scene.once()
    scene.compared()


def an_older_producer_wakes_up(scene: Scene) -> None:
    with scene.produce() as older:
        scene.caught_up()
        older.tell(signal.SIGSTOP)
        scene.staff(5)
        with scene.produce() as newer:
            scene.caught_up()
            older.tell(signal.SIGCONT)
            scene.staff(5)
            assert 2 == older.wait(), older.said()
            assert "another producer took over" in older.said()
            scene.staff(5)
            scene.caught_up()
            assert 0 == newer.stop(), newer.said()

    assert 0 == scene.compared().repeated


def truncated_where_the_reader_stood(scene: Scene) -> None:
    with scene.produce() as producer:
        scene.caught_up()
        scene.staff(5)
        assert scene.caught_up().version == scene.version()
        scene.admin("TRUNCATE TABLE <LEISTUNG>")
        scene.new_era()
        asking = scene.until_state("needs-confirmation").status
        assert asking is not None
        assert asking.next_command == f"chartfeed resync {scene.id} --confirm"
        before = len(scene.seen.checkpoints)
        assert 0 == scene.command("resync", scene.id, "--confirm")
        scene.caught_up(after=before)
        scene.staff(5)
        scene.caught_up()
        assert 1 == producer.said().count("waiting for confirmation")

    scene.compared()


def recreated(scene: Scene) -> None:
    scene.once()
    table = scene.practice.table("PATKASSE")
    listed = ", ".join(statements.quoted(column.name) for column in table.columns)
    kept = scene.rows(f"SELECT {listed} FROM <PATKASSE>")[1:]
    scene.admin("DROP TABLE <PATKASSE>", statements.create_table(scene.practice, table))
    insert = statements.insert(scene.practice, table, [column.name for column in table.columns])
    for row in kept:
        scene.rows(f"SET NOCOUNT ON; {insert}; SELECT 1", *row)
    scene.admin("ALTER TABLE <PATKASSE> ENABLE CHANGE_TRACKING")
    scene.new_era()
    scene.staff(3)

    said = scene.once(_trusting(scene))

    assert "created anew" in said
    scene.staff(3)
    scene.once()
    scene.compared()


def switched_off_and_on(scene: Scene) -> None:
    with scene.produce() as producer:
        scene.caught_up()
        scene.staff(5)
        scene.caught_up()
        scene.admin("ALTER TABLE <KARTEI> DISABLE CHANGE_TRACKING")
        told = scene.until_state("denied").status
        assert told is not None
        assert scene.named("ALTER TABLE <KARTEI> ENABLE CHANGE_TRACKING") in str(told.next_command)
        [gone, changed] = scene.some("KARTEI", 2)
        scene.admin(
            f"DELETE FROM <KARTEI> WHERE ID = {gone}",
            f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'unbemerkt' WHERE ID = {changed}",
            "ALTER TABLE <KARTEI> ENABLE CHANGE_TRACKING",
        )
        scene.new_era()
        before = len(scene.seen.checkpoints)
        producer.tell(signal.SIGHUP)
        scene.caught_up(after=before)
        scene.staff(3)
        scene.caught_up()

    scene.compared()


def restored_to_the_past(scene: Scene) -> None:
    with scene.produce(config=_trusting(scene)) as producer:
        scene.caught_up()
        scene.staff(5)
        scene.backup()
        scene.staff(8)
        scene.caught_up()
        before = scene.checkpoint.database_identity
        scene.restore()
        scene.until(
            lambda seen: seen.checkpoint.database_identity != before or not producer.is_running()
        )
        assert producer.is_running(), producer.said()
        scene.caught_up()
        scene.staff(5)
        scene.caught_up()

    scene.compared()


def restored_and_grown_past_the_old_version(scene: Scene) -> None:
    scene.once()
    scene.staff(2)
    scene.backup()
    scene.staff(6)
    scene.once()
    scene.restore()
    scene.staff(12)
    assert scene.version() > scene.checkpoint.version

    said = scene.once(_trusting(scene))

    assert "restored" in said
    scene.staff(3)
    scene.once()
    scene.compared()


def deleted_while_changes_expired(scene: Scene) -> None:
    scene.once()
    gone = scene.some("KARTEI", 2)
    scene.run(*(f"DELETE FROM <KARTEI> WHERE ID = {entry}" for entry in gone))
    scene.staff(8)
    scene.admin(
        "EXEC standin.age_changes @seconds = 200000",
        "EXEC sys.sp_flush_CT_internal_table_on_demand",
    )
    scene.staff(3)

    said = scene.once(_trusting(scene))

    assert "cleaned up" in said
    scene.staff(3)
    scene.once()
    scene.compared()


def a_column_renamed(scene: Scene) -> None:
    with scene.produce() as producer:
        scene.caught_up()
        scene.staff(5)
        held = scene.caught_up()
        producer.tell(signal.SIGSTOP)
        scene.staff(3)
        scene.renamed("KARTEI.BEMERKUNG", "NOTIZ_9Z")
        producer.tell(signal.SIGCONT)
        told = scene.until_state("drift").status
        assert told is not None
        assert f"chartfeed mapping diff {scene.id}" == told.next_command
        scene.staff(2)
        assert held.version == scene.checkpoint.version == told.version
        before = len(scene.seen.checkpoints)
        scene.approve()
        scene.caught_up(after=before)
        scene.staff(3)
        scene.caught_up()

    scene.compared()


def rights_revoked_and_granted(scene: Scene) -> None:
    schema = f"SCHEMA::[{scene.practice.schema}]"
    with scene.produce() as producer:
        for right in ("SELECT", "VIEW CHANGE TRACKING"):
            scene.caught_up()
            scene.admin(f"REVOKE {right} ON {schema} FROM [{READER}]")
            scene.staff(2)
            told = scene.until_state("denied").status
            assert told is not None
            due = f"GRANT SELECT, VIEW CHANGE TRACKING ON OBJECT::<KASSEN> TO [{READER}];"
            assert scene.named(due) in str(told.next_command)
            scene.staff(2)
            before = len(scene.seen.checkpoints)
            scene.admin(f"GRANT {right} ON {schema} TO [{READER}]")
            producer.tell(signal.SIGHUP)
            scene.caught_up(after=before)

    assert 0 == scene.compared().repeated


def rows_of_every_kind(scene: Scene) -> None:
    first, second, third, fourth = scene.some("KARTEI", 4)
    dead, live = scene.value("KARTEI.DELKZ", 1), scene.value("KARTEI.DELKZ", 0)
    text = "<KARTEI.BEMERKUNG>"
    with scene.produce():
        scene.caught_up()
        scene.run(
            f"UPDATE <KARTEI> SET ID = ID + 100000 WHERE ID = {first}",
            f"UPDATE <KARTEI> SET ID = CASE ID WHEN {second} THEN {third} ELSE {second} END"
            f" WHERE ID IN ({second}, {third})",
            "UPDATE <LEISTUNG> SET ID = ID + 1",
            f"UPDATE <KARTEI> SET <KARTEI.PATNR> = {scene.value('KARTEI.PATNR', 7)},"
            f" <KARTEI.DATUM> = {scene.value('KARTEI.DATUM', 20220301)} WHERE ID = {second}",
            f"UPDATE <KARTEI> SET <KARTEI.DELKZ> = {dead} WHERE ID = {third}",
            f"UPDATE <KARTEI> SET <KARTEI.DELKZ> = {live} WHERE ID = {third}",
            f"UPDATE <KARTEI> SET {text} = {text} WHERE ID = {third}",
            f"UPDATE <KARTEI> SET <KARTEI.DATUM> = {scene.value('KARTEI.DATUM', 20240230)}"
            f" WHERE ID = {fourth}",
            f"UPDATE <KARTEI> SET <KARTEI.PATNR> = NULL WHERE ID = {third}",
            f"UPDATE <KARTEI> SET {text} = N'später ä €' WHERE ID = {fourth}",
        )
        scene.insert("KASSEN", [[900_001, "Kasse ohne Patienten", "1", 1]])
        scene.insert("KARTEI", [[800_001, 3, 20220302, "", 0], [800_002, 3, 20220302, "x,", 1]])
        scene.caught_up()
        scene.run(
            f"UPDATE <KARTEI> SET <KARTEI.DATUM> = {scene.value('KARTEI.DATUM', 20240229)}"
            f" WHERE ID = {fourth}",
            f"DELETE FROM <KARTEI> WHERE ID = {third}",
            "DELETE FROM <KARTEI> WHERE ID = 800001; INSERT INTO <KARTEI> (ID, <KARTEI.PATNR>,"
            f" <KARTEI.DATUM>, {text}, <KARTEI.DELKZ>) VALUES (800001,"
            f" {scene.value('KARTEI.PATNR', 4)}, {scene.value('KARTEI.DATUM', 20220303)},"
            f" N'neu', {live})",
        )
        scene.staff(20)
        scene.caught_up()

    assert 0 == scene.compared().repeated


def errors_at_the_source(scene: Scene) -> None:
    scene.admin("EXEC standin.fail_next @error = 1205, @after_rows = 5")  # in the first snapshot
    with scene.produce() as producer:
        scene.caught_up()
        for error, after_rows in ((0, 20), (1222, 0), (1205, 20), (0, 0)):
            producer.tell(signal.SIGSTOP)
            scene.staff(2)
            scene.run("UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = <KARTEI.BEMERKUNG> + N'.'")
            later = f", @after_rows = {after_rows}" if after_rows else ""
            scene.admin(f"EXEC standin.fail_next @error = {error}{later}")
            restarts = scene.seen.status.restarts if scene.seen.status else 0
            producer.tell(signal.SIGCONT)
            scene.until(lambda seen, more=restarts: seen.status.restarts > more)
            scene.caught_up()
        scene.admin("EXEC standin.slow @milliseconds = 20")
        scene.staff(2)
        scene.caught_up()
        assert "1205" not in producer.said() or "retrying" in producer.said()

    assert 0 == scene.compared().repeated


def _trusting(scene: Scene) -> Any:
    """Give a configuration that lets a resync delete more without asking."""
    producers = {"poll_interval": "100ms", "resync_guard": 0.9}
    return scene.stage.configured(f"{scene.id}.yml", producers=producers)


SCENARIOS: Final[tuple[Callable[[Scene], None], ...]] = (
    errors_at_the_source,
    truncated_where_the_reader_stood,
    killed_at_every_step,
    killed_in_the_first_snapshot,
    an_older_producer_wakes_up,
    recreated,
    switched_off_and_on,
    restored_to_the_past,
    restored_and_grown_past_the_old_version,
    deleted_while_changes_expired,
    a_column_renamed,
    rights_revoked_and_granted,
    rows_of_every_kind,
    killed_in_a_resync,
)


@pytest.fixture(scope="module")
def whole_stage(
    tmp_path_factory: Any, stack: Any, services: Any, chartfeed: Any
) -> Iterator[Stage]:
    del stack
    names = named_apart("scene", len(SCENARIOS) + 2)
    names.append(_beside(names[len(SCENARIOS)]))
    with stage(tmp_path_factory.mktemp("stage"), names, services, chartfeed) as ready:
        yield ready


def _beside(name: str) -> str:
    """Give a center whose events share that one's partition."""
    partition = topics.partition_of_center(name, 12)
    others = (f"beside_{number}" for number in range(1000))
    return next(other for other in others if topics.partition_of_center(other, 12) == partition)


@pytest.fixture(scope="module")
def played(whole_stage: Stage) -> Iterator[dict[str, Future[None]]]:
    """Play all scenarios, each in a practice of its own."""
    names = named_apart("scene", len(SCENARIOS))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            scenario.__name__: pool.submit(scenario, whole_stage.scene(center))
            for scenario, center in zip(SCENARIOS, names, strict=True)
        }


@pytest.mark.parametrize("scenario", [scenario.__name__ for scenario in SCENARIOS])
def test_events_say_what_the_journal_says(played: Any, scenario: str) -> None:
    played[scenario].result()


@pytest.fixture(scope="module")
def spare(whole_stage: Stage, played: dict[str, Future[None]]) -> Iterator[Scene]:
    """Give scenes that no scenario has, when all of those are over."""
    for scenario in played.values():
        scenario.exception()
    return map(whole_stage.scene, named_apart("scene", len(SCENARIOS) + 2)[len(SCENARIOS) :])


def test_a_large_transaction_goes_in_slices_and_lets_others_through(
    whole_stage: Stage, spare: Iterator[Scene], record_testsuite_property: Any
) -> None:
    big = next(spare)
    other = whole_stage.scene(_beside(big.id))

    found = crowd(big, other, 60_000)

    record_testsuite_property("a transaction of 60,000 rows", str(found))
    assert found.slices >= 2
    # Waiting for all of it would take the other as long as the whole, on whatever machine.
    assert found.longest_wait < found.seconds / 2
    assert found.grown < 150 * MEGABYTE
    assert 0 == big.compared().repeated
    other.compared()


def test_without_a_registry_nothing_starts(spare: Iterator[Scene]) -> None:
    scene = next(spare)
    nowhere = scene.stage.configured("nowhere.yml", registry={"url": "http://127.0.0.1:9/x"})

    with scene.produce(config=nowhere) as producer:
        assert 3 == producer.wait(), producer.said()

    assert "registry" in producer.said()
    assert [] == scene.seen.checkpoints


def test_a_broker_that_dies_is_waited_for(
    whole_stage: Stage, spare: Iterator[Scene], stack: Any, chartfeed: Any
) -> None:
    del spare
    scene = whole_stage.scene(named_apart("scene", len(SCENARIOS) + 2)[-1])
    with scene.produce() as producer:
        scene.caught_up()
        scene.staff(5)
        broker = json.loads(chartfeed("local", "status", "--json", home=stack).stdout)
        os.kill(broker["services"]["kafka"]["pid"], signal.SIGKILL)
        scene.staff(10)
        chartfeed("local", "up", "kafka", home=stack)
        scene.caught_up(seconds=120)
        scene.staff(3)
        scene.caught_up()
        assert 0 == producer.stop(), producer.said()

    assert 0 == scene.compared().repeated
