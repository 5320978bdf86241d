"""What `chartfeed local` says of a home: what a reset took, and addresses in one piece."""

import pytest
from click.testing import CliRunner

from chartfeed.local import local
from deploy.local.layout import Layout

ALL = {"kafka": {"broker": 19092}, "registry": {"http": 18081}, "sqlserver": {"tds": 11433}}


@pytest.fixture
def home(tmp_path):
    """Give a home that services lived in: files of theirs, and what grew beside them."""
    Layout(ALL, frozenset()).save(tmp_path / "stack.json")
    for name in ("kafka/data", "sqlserver", "mappings", "output", "logs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mappings" / "audit.jsonl").write_text("{}")
    (tmp_path / "logs" / "sqlserver.log").write_text("started")
    (tmp_path / "centers.yml").write_text("centers: []")
    (tmp_path / "letter.txt").write_text("precious")
    return tmp_path


def said(home, *words, **terminal):
    done = CliRunner(env=terminal).invoke(local, ["--home", str(home), *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def test_a_reset_says_what_it_removed(home):
    output = said(home, "reset")

    assert f"removed under {home}: kafka/, sqlserver/, logs/, mappings/, output/, " in output
    assert output.endswith(" centers.yml, stack.json\n")
    assert {"letter.txt", "lock"} == {path.name for path in home.iterdir()}


def test_a_reset_of_one_service_says_what_went_with_it(home):
    output = said(home, "reset", "sqlserver")

    assert f"removed under {home}: sqlserver/, logs/sqlserver.log, centers.yml, mappings/\n" == (
        output
    )
    assert (home / "output").is_dir()


def test_a_reset_where_nothing_was_says_so_and_leaves_nothing(tmp_path):
    nowhere = tmp_path / "never"

    assert f"nothing to remove under {nowhere}\n" == said(nowhere, "reset")
    assert not nowhere.exists()


def test_the_help_of_a_reset_names_all_that_goes():
    text = said("anywhere", "reset", "--help")

    for name in ("mappings", "approvals", "audit log", "output", "state", "chartfeed.yml"):
        assert name in text


def test_an_address_is_in_one_piece_on_a_narrow_terminal(home):
    output = said(home, "status", COLUMNS="80")

    assert "http://127.0.0.1:18081/apis/ccompat/v7" in output
