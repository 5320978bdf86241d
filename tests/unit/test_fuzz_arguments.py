"""Whatever stands on the command line: an answer or exit code 2, never a traceback."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chartfeed import cli
from schemas.errors import BadInput
from stream_app.join import TOPICS
from stream_app.replay import wishes

APART = {"local", "demo", "practices", "benchmark", "console", "doctor"}
"""They start or ask things of this machine, with or without a configuration."""
ODD = """- -- -x --no-such = c ../c 2022-01-18 2022-02-30 0 -1 99999999999999999999 1e9 KARTEI=X
KARTEI.DATUM.live=J,1 é csv json a:b:c chartfeed.unified-entries:0:5 P=PKV %s % ';"""
WORDS = st.sampled_from(["", "x y", "\ufeff", "\n", *ODD.split()]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if name in APART or command is None:
            continue
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        yield (*before, name)


def options(path: tuple[str, ...]) -> list[str]:
    command: click.Command = cli.cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return [word for one in command.params if isinstance(one, click.Option) for word in one.opts]


OPTIONS = {path: options(path) for path in commands(cli.cli)}


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Give a command, some of its options, and words of any kind."""
    path = draw(st.sampled_from(sorted(OPTIONS)))
    own = [*OPTIONS[path], "--help"]
    return [*path, *draw(st.lists(st.sampled_from(own) | WORDS, max_size=6))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a configuration whose one center has no mapping."""
    made = tmp_path_factory.mktemp("arguments")
    center = {"id": "c", "name": "C", "server": "127.0.0.1,1", "database": "D"}
    (made / "centers.yml").write_text(json.dumps({"centers": [center]}))
    content = {"kafka": {"bootstrap": "127.0.0.1:1"}, "registry": {"url": "http://127.0.0.1:1"}}
    (made / "chartfeed.yml").write_text(json.dumps(content))
    return made


def code_of(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return int(ended.value.code or 0)


EASY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@EASY
@given(lines())
def test_without_a_configuration_any_line_is_refused_or_explained(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(folder)

    assert code_of(["--config", "there-is-none.yml", *arguments]) in {0, 2}


@given(WORDS, st.lists(WORDS))
def test_what_a_replay_is_to_make_is_read_or_refused(text: str, lines: list[str]) -> None:
    for read in (
        lambda: wishes.days(text),
        lambda: wishes.moment(text),
        lambda: wishes.place(text, 12),
        lambda: wishes.positions(lines, 12, whole=False),
        lambda: wishes.days(f"{text}..{text}"),
        lambda: wishes.place(f"{TOPICS[0]}:{text}:{text}", 12),
    ):
        with suppress(BadInput):
            read()


WAITS = {("day", "close")}
"""What waits for centers may wait for as long as it is told to."""
WITHOUT_SERVICES = ("show-mapping", "approve", "revoke", "mapping", "extract", "days", "day")


@EASY
@given(st.sampled_from(WITHOUT_SERVICES), st.lists(WORDS, max_size=4), st.data())
def test_with_one_that_has_no_mappings_any_line_has_an_exit_code_of_ours(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    words: list[str],
    data: st.DataObject,
) -> None:
    monkeypatch.chdir(folder)
    known = [path for path in OPTIONS if path[0] == command and path not in WAITS]
    path = data.draw(st.sampled_from(known))
    own = data.draw(st.lists(st.sampled_from([*OPTIONS[path], *words, "c"]), max_size=5))
    if command == "extract" and "--output" in own:
        own = [*own, "--formats", "no such format"]

    assert code_of([*path, *own, *words]) in {0, 1, 2, 3}
