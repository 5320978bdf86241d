"""Logs: one form for ours and the libraries', and no value of an exception in any."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from chartfeed import logs


def logged(say: Any, **options: Any) -> Any:
    stream = io.StringIO()
    logs.configure(stream, **options)
    say()
    return stream.getvalue().splitlines()


def failing() -> None:
    def broken() -> None:
        raise ValueError("Anna Muster")

    try:
        broken()
    except ValueError:
        logging.getLogger("library").exception("it failed")


def test_ours_are_json_where_nobody_watches() -> None:
    [line] = logged(lambda: structlog.get_logger("x").info("state", center="a"))

    found = json.loads(line)
    assert ("state", "a", "info") == (found["event"], found["center"], found["level"])
    assert found["timestamp"].endswith("Z")


def test_text_is_for_people() -> None:
    [line] = logged(lambda: structlog.get_logger("x").info("state", center="a"), form="text")

    assert "center=a" in line


def test_what_is_below_the_level_is_not_told() -> None:
    def say() -> None:
        structlog.get_logger("x").info("no")
        structlog.get_logger("x").error("yes")

    assert 1 == len(logged(say, level="error"))


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_is_told_by_type_and_place_alone(form: Any) -> None:
    said = "\n".join(logged(failing, form=form))

    assert "ValueError in broken:" in said
    assert "it failed" in said
    assert "Anna" not in said


def test_libraries_are_heard_from_warning_on_in_the_same_form() -> None:
    def say() -> None:
        logging.getLogger("library").info("no")
        logging.getLogger("library").warning("disk %s", "full")

    [line] = logged(say)
    assert "disk full" == json.loads(line)["event"]
    assert "library" == json.loads(line)["logger"]
