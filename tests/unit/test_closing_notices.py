"""A notice is told once to each, again where that may help, and never at any price."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartfeed import exposure, settings
from chartfeed.closing.wait import wait
from chartfeed.notices.posts import _escaped
from chartfeed.notices.sending import Ledger, Notice, Undelivered, deliver, deliver_all
from chartfeed.notices.ways import ways
from schemas.errors import BadInput, RetryLater
from stream_app.closing.completion import Missing
from stream_app.files.targets import Folder

NOTICE = Notice("2022-01-18", "final", "a headline", "a text", {"a": 1}, "one")


@dataclass
class Receiver:
    """A way of telling that answers as it was told to, and then takes all."""

    name: str = "receiver"
    answers: list[Exception] = field(default_factory=list)
    got: list[Notice] = field(default_factory=list)

    def send(self, notice, timeout):
        assert timeout == 5
        if self.answers:
            raise self.answers.pop(0)
        self.got.append(notice)


def passing(after=0.0):
    return Undelivered("busy", passing=True, after=after)


def sent(receiver, attempts=4):
    pauses: list[float] = []
    return deliver(receiver, NOTICE, attempts, 5, pauses.append), pauses


def test_what_may_pass_is_tried_again_after_growing_pauses():
    receiver = Receiver(answers=[passing(), passing(), passing()])

    assert (None, [1.0, 2.0, 4.0]) == sent(receiver)
    assert [NOTICE] == receiver.got


def test_attempts_come_to_an_end():
    assert ("busy", [1.0, 2.0, 4.0]) == sent(Receiver(answers=[passing()] * 9))


def test_what_can_not_pass_is_not_tried_again():
    final = Undelivered("no such channel", passing=False)

    assert ("no such channel", []) == sent(Receiver(answers=[final]))


def test_who_asks_for_time_gets_it_within_bounds():
    assert (None, [30.0, 60.0]) == sent(Receiver(answers=[passing(30), passing(600)]))


def test_a_password_that_is_not_to_be_found_is_a_notice_that_failed():
    assert ("no password", []) == sent(Receiver(answers=[BadInput("no password")]))


@given(fails=st.lists(st.booleans(), min_size=1, max_size=5))
def test_however_runs_fail_each_is_told_exactly_once_in_the_end(fails, tmp_path_factory):
    ledger = Ledger(Folder(tmp_path_factory.mktemp("reports")))
    good, shaky = Receiver("good"), Receiver("shaky")
    for fail in [*fails, False]:
        shaky.answers = [Undelivered("away", passing=False)] * fail
        deliver_all(
            (shaky, good), [NOTICE], ledger, lambda way, one: deliver(way, one, 1, 5, lambda _: 0)
        )

    assert [NOTICE] == good.got == shaky.got


def test_another_notice_of_the_day_is_news(tmp_path):
    ledger = Ledger(Folder(tmp_path))
    ledger.note(NOTICE, {"email"})
    other = Notice("2022-01-18", "final", "changed", "a text", {"a": 2}, "two")

    assert frozenset({"email"}) == ledger.told(NOTICE)
    assert not ledger.told(other)


def test_a_way_that_failed_is_left_alone_until_the_next_run(tmp_path):
    receiver = Receiver(answers=[Undelivered("gone", passing=False)] * 9)
    other = Notice("2022-01-17", "final", "b", "b", {}, "two")

    failed = deliver_all(
        [receiver],
        [NOTICE, other],
        Ledger(Folder(tmp_path)),
        lambda way, one: deliver(way, one, 1, 5, lambda _: 0),
    )

    assert ({"receiver": "gone"}, 8) == (failed, len(receiver.answers))


def test_a_damaged_ledger_tells_again(tmp_path):
    (tmp_path / "close_2022-01-18.told.json").write_text("[")

    assert not Ledger(Folder(tmp_path)).told(NOTICE)


def test_slack_finds_no_mention_and_no_end_of_a_block():
    assert "&lt;!channel&gt; ''' &amp;" == _escaped("<!channel> ``` &")


@pytest.fixture
def configured(tmp_path):
    def of(text):
        (tmp_path / "centers.yml").write_text(
            "centers:\n  - {id: a, name: A, server: '127.0.0.1,1', database: d}"
        )
        (tmp_path / "chartfeed.yml").write_text(text)
        return settings.load(tmp_path / "chartfeed.yml", {"URL": "https://x.example/secret"})

    return of


def test_nobody_is_told_by_default(configured):
    assert () == ways(configured("{}"))


def test_all_ways_may_be_used_together_and_keep_their_secrets(configured):
    found = ways(
        configured(
            "notices:\n"
            "  webhook: {url_env: URL, token_file: absent}\n"
            "  slack: {url: 'https://hooks.example/secret'}\n"
            "  email: {host: mail.example, sender: a@b.example, to: [c@d.example]}\n"
            "  command: cat\n"
        )
    )

    assert ["webhook", "slack", "email", "command"] == [one.name for one in found]
    assert "secret" not in repr(found)


def test_the_settings_do_not_show_an_address(configured):
    assert "secret" not in repr(configured("notices: {webhook: {url: 'https://x/secret'}}"))


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("webhook: {url: 'https://x', url_env: X}", "two addresses"),
        ("email: {host: mail.example}", "nobody to send to"),
        (
            "email: {host: mail.example, sender: a@b.example, to: [c@d.example], user: u}",
            "a user goes with a password",
        ),
    ],
)
def test_what_can_not_be_meant_is_said_before_anything_is_done(configured, text, due):
    with pytest.raises(BadInput, match=due):
        ways(configured(f"notices: {{{text}}}"))


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("email: {host: mail.example, starttls: false}", "notices.email.starttls is false"),
        ("webhook: {url: 'http://hooks.example'}", "notices.webhook.url is no https"),
    ],
)
def test_a_notice_that_a_network_can_read_is_warned_of(configured, text, due):
    (sentence,) = exposure.warnings(configured(f"notices: {{{text}}}"))

    assert due in sentence


def test_off_is_off_with_and_without_quotes(configured):
    found = configured("checks: {rows: {action: off}, nulls: {action: 'off'}}").checks

    assert ("off", "off") == (found.rows.action, found.nulls.action)


def test_a_pattern_that_is_none_is_refused(configured):
    with pytest.raises(BadInput, match="no regular expression"):
        configured("checks: {values: {codes: '['}}")


class Passing:
    """An event that somebody sets while it is waited for, and a clock that waiting moves."""

    def __init__(self):
        self.now = 0.0
        self.waits: list[float] = []

    def clear(self):
        """Nothing has happened yet."""

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


def waited(looks, seconds=12.0):
    passed: Any = Passing()
    told: list[list[str]] = []
    answers = iter(looks)

    def look():
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return tuple(Missing(center, "down", None) for center in found)

    found = wait(
        look,
        passed,
        seconds,
        lambda: passed.now,
        lambda missing: told.append([one.center_id for one in missing]),
    )
    return [one.center_id for one in found], told, passed.waits


def test_waiting_ends_when_nothing_is_missing():
    assert ([], [["a", "b"], ["b"]], [5.0, 5.0]) == waited([["a", "b"], ["b"], []])


def test_waiting_ends_when_the_time_is_over():
    assert (["a"], [["a"]], [5.0, 5.0, 2.0]) == waited([["a"]] * 4)


def test_without_time_there_is_one_look():
    assert (["a"], [], []) == waited([["a"]], seconds=0)


def test_an_output_that_is_away_for_a_moment_is_waited_for_too():
    assert ([], [], [5.0]) == waited([RetryLater("away"), []])
    with pytest.raises(RetryLater):
        waited([RetryLater("away")] * 9)
