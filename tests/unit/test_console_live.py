"""What is known of the centers: as it is looked at, kept, and told to the pages."""

import threading
from dataclasses import replace

import pytest

from chartfeed.console.history import ALL, SLOT, SLOTS, History, Latency
from chartfeed.console.live import Live
from chartfeed.console.overview import Rendering, changes
from chartfeed.console.standing import Kind, kind_of, standings, sums
from producers.capture.errors import KafkaDown
from tests.console import a_view, configured, told
from tests.memory import kept

NOW = 1_800_000_000.0 // SLOT * SLOT


def test_a_look_that_fails_keeps_what_the_last_one_saw():
    answers = [told(a_view("center_01")), None, told(a_view("center_01", "drift"))]

    def source():
        answer = answers.pop(0)
        if answer is None:
            raise KafkaDown("Kafka: no broker", hint="is it up?")
        return answer()

    live = Live(source, History(["center_01"]))
    live.look()
    live.look()
    assert ("streaming", "Kafka: no broker") == (live.now.views[0].state, live.now.problem)
    live.look()
    assert ("drift", None, 3) == (live.now.views[0].state, live.now.problem, live.now.number)


def test_whoever_listens_hears_of_every_look_until_it_stops_listening():
    live = Live(told(a_view()), History(["center_01"]))
    heard = []
    with live.heard_by(lambda: heard.append(live.now.number)):
        live.look()
        live.look()
    live.look()

    assert [1, 2] == heard


def test_one_waits_for_a_newer_look():
    live = Live(told(a_view()), History(["center_01"]))
    thread = threading.Thread(target=live.look)
    thread.start()
    assert 1 == live.after(0, 10).number
    thread.join()
    assert 1 == live.after(1, 0).number


@pytest.mark.parametrize(
    ("view", "kind"),
    [
        (a_view(), Kind.GOOD),
        (a_view(state="snapshot", lag_seconds=4000.0), Kind.INFO),
        (a_view(state="retrying"), Kind.WARN),
        (a_view(dead_letters=1), Kind.WARN),
        (a_view(lag_seconds=61.0), Kind.WARN),
        (a_view(retention_headroom_seconds=3600), Kind.WARN),
        (a_view(state="drift", needs_somebody=True), Kind.BAD),
    ],
)
def test_a_center_is_as_urgent_as_what_is_said_of_it(view, kind):
    assert kind is kind_of(view, enabled=True)
    assert Kind.OFF is kind_of(view, enabled=False)


def test_problems_come_first_and_what_is_switched_off_last(tmp_path):
    names = ["a", "b", "c", "d"]
    loaded = configured(tmp_path, names)
    centers = [replace(one, enabled=one.id != "a") for one in loaded.centers]
    live = Live(
        told(a_view("a"), a_view("b"), a_view("c", "retrying"), a_view("d", needs_somebody=True)),
        History(names),
    )
    live.look()
    found = standings(live.now, centers)

    assert ["d", "c", "b", "a"] == [one.view.center_id for one in found]
    assert (3, 2) == (sums(found).centers, sums(found).problems)


def test_a_page_is_told_what_changed_and_all_where_the_order_changed():
    before = Rendering(1, "head", {"a": "A", "b": "B"})

    assert {} == changes(before, Rendering(2, "head", {"a": "A", "b": "B"}))
    assert {"lines": {"b": "C"}} == changes(before, Rendering(2, "head", {"a": "A", "b": "C"}))
    assert {"head": "h", "all": "BA"} == changes(before, Rendering(2, "h", {"b": "B", "a": "A"}))
    assert {"head": "head", "all": "AB"} == changes(None, before)


def counted(seconds):
    """Give lengths of time as they are kept and shown."""
    history = History(["a"])
    for one in seconds:
        history.applied("a", NOW, one)
    (point,) = history.points("a", NOW, 15, most=1)
    return point.latency


def test_percentiles_are_right_to_a_tenth():
    latency = counted(milliseconds / 1000 for milliseconds in range(1, 10_001))

    for share in (0.5, 0.95, 0.99):
        found = latency.percentile(share)
        assert found is not None
        assert abs(found / (10 * share) - 1) < 0.1
    assert None is Latency().percentile(0.5)


def test_lengths_beyond_the_scale_count_at_its_ends():
    latency = counted([0.0, 1e9])
    assert 2 == latency.total


def test_events_are_counted_from_the_first_look_on_and_over_a_producers_restart():
    history = History(["a"])
    for at, total in enumerate([1000, 1010, 1010, 5, 25]):
        history.saw(NOW + at, [a_view("a", events_total=total, lag_seconds=float(at))])

    (point,) = history.points("a", NOW + 5, 15, most=1)
    assert (10 + 5 + 20, 4.0) == (point.events, point.lag)
    assert {"a": 35 / 20} == history.rates(NOW + 5)
    assert 35 == sum(one.events or 0 for one in history.points(ALL, NOW + 5, 15))


def test_memory_is_a_ring_of_hours_and_what_is_older_is_gone():
    history = History(["a"])
    history.saw(NOW, [a_view("a", events_total=0)])
    history.saw(NOW + 1, [a_view("a", events_total=7)])
    history.applied("a", NOW, 0.5)
    later = NOW + SLOTS * SLOT
    history.applied("a", later, 0.7)
    history.applied("a", NOW, 99.0)

    points = history.points("a", later, 360)
    assert 180 >= len(points)
    assert all(one.events is None for one in points)
    assert 1 == sum(one.latency.total for one in points)


def test_six_hours_of_changes_every_second_take_little_memory():
    def work():
        history = History(["a"])
        for second in range(6 * 3600):
            history.applied("a", NOW + second, 0.5 + second % 10 / 10)
        return history

    # Of a center and of all together; the console has this for each of 300.
    assert kept(work) < 2 * 130_000


def test_a_slot_that_is_not_over_yet_counts_for_as_long_as_it_lasted():
    history = History(["a"])
    history.saw(NOW, [a_view("a", events_total=0)])
    history.saw(NOW + 9, [a_view("a", events_total=90)])

    newest = history.points("a", NOW + 9, 15)[-1]
    assert (90, 9) == (newest.events, newest.seconds)


def test_a_look_that_fails_in_a_way_nobody_foresaw_is_told_too():
    def source():
        raise ZeroDivisionError

    live = Live(source, History([]))
    live.look()
    assert ("ZeroDivisionError", 1) == (live.now.problem, live.now.number)
