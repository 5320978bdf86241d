"""What the demo prints around its commands."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from chartfeed.demo import Show, ending

TITLE = "At center_07 an insurance is corrected, an entry moves to another day"


def a_show(width):
    show = Show(Path("nowhere"))
    show.console = Console(file=io.StringIO(), width=width)
    return show


def printed(show):
    return show.console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80])
def test_a_heading_is_never_cut(width):
    show = a_show(width)

    show.chapter(TITLE)

    words = printed(show).replace("─", " ").split()
    assert TITLE.split() == words[:-2], "the last two are the seconds"


def test_what_only_the_demo_needs_is_not_shown():
    show = a_show(80)

    show.run("topics", hidden=("--help",))

    assert "$ chartfeed topics\n" == printed(show)


def test_who_looks_around_starts_the_demos_own_stack_again():
    lines = ending(".venv/bin/chartfeed", ".chartfeed/demo", keep=False)

    assert (
        "  .venv/bin/chartfeed local --home .chartfeed/demo up",
        "  .venv/bin/chartfeed --config .chartfeed/demo/chartfeed.yml console",
    ) == lines[-2:]


def test_who_keeps_it_is_told_how_to_stop_it():
    assert (
        "chartfeed local --home .chartfeed/demo down"
        in ending("chartfeed", ".chartfeed/demo", keep=True)[-1]
    )
