"""The first hour of the README, typed as it is printed."""

import os
import re
import shlex
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(400)]

README = Path(__file__).resolve().parents[2] / "README.md"


def commands():
    chapter = README.read_text("utf-8").split("## The first hour")[1].split("\n## ")[0]
    return re.findall(r"^\$ chartfeed (.*?)(?:\s+#.*)?$", chapter, re.MULTILINE)


def test_every_command_of_the_first_hour_works(tmp_path, chartfeed):
    typed = commands()
    assert len(typed) >= 10
    for command in typed:
        words = shlex.split(command)
        if words[:2] == ["local", "up"]:
            words += ["--owner", str(os.getpid())]
        if words[0] == "review":
            # A review asks questions; its answers without questions are an approval's.
            words = ["approve", words[1], "--reviewer", "Dr. Kontrolle"]
        done = chartfeed(*words, home=tmp_path, timeout=200)
        assert "Traceback" not in done.stdout + done.stderr, command
    assert not (tmp_path / "sqlserver").exists()


def test_every_document_that_is_linked_is_there():
    for path in (README, *README.parent.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+\.md)\)", path.read_text("utf-8")):
            assert (path.parent / target).is_file(), f"{path.name} links {target}"
