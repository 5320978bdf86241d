"""The first hour of the README, and what other documents mark to be run, typed as printed."""

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.documents import DOCUMENTS, commands

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(400)]

README = Path(__file__).resolve().parents[2] / "README.md"


def first_hour():
    chapter = README.read_text("utf-8").split("## The first hour")[1].split("\n## ")[0]
    return re.findall(r"^\$ chartfeed (.*?)(?:\s+#.*)?$", chapter, re.MULTILINE)


def type_what_runs(home, chartfeed):
    """Type what the documents mark; exit 1 says something of a center, and is no fault."""
    marked = [one for document in DOCUMENTS for one in commands(document) if one.runs]
    assert len(marked) >= 5
    for command in marked:
        done = chartfeed(*command.words[1:], home=home, timeout=100, check=False)
        assert done.returncode in {0, 1}, f"{command}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr, str(command)


def test_every_command_of_the_first_hour_works(tmp_path, chartfeed):
    typed = first_hour()
    assert len(typed) >= 10
    for command in typed:
        words = shlex.split(command)
        if words == ["local", "down"]:
            type_what_runs(tmp_path, chartfeed)
        if words[:2] == ["local", "up"]:
            words += ["--owner", str(os.getpid())]
        if words[0] == "review":
            # A review asks questions; its answers without questions are an approval's.
            words = ["approve", words[1], "--reviewer", "Dr. Kontrolle"]
        done = chartfeed(*words, home=tmp_path, timeout=200)
        assert "Traceback" not in done.stdout + done.stderr, command
    assert not (tmp_path / "sqlserver").exists()
