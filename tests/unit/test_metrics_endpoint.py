"""Who is answered where metrics are served."""

import re
import urllib.error
import urllib.request
from contextlib import contextmanager

import click
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from chartfeed import metrics
from chartfeed.metrics import Disk, Endpoint
from chartfeed.password import Secret
from schemas.errors import BadInput

TOKEN = "0123456789abcdef"


@contextmanager
def served(folder, endpoint):
    with capture_logs() as lines, metrics.serving(endpoint, lambda: Disk({"state": folder})):
        yield re.sub(r"/metrics$", "", lines[0]["address"])


def ask(address, token=None):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_on_this_machine_metrics_need_no_token(tmp_path):
    with served(tmp_path, Endpoint(0)) as address:
        status, text = ask(f"{address}/metrics")

    assert 200 == status
    assert 'chartfeed_disk_free_bytes{folder="state"}' in text


def test_an_address_that_others_reach_needs_a_token():
    with pytest.raises(BadInput, match=r"need a token"):
        Endpoint(9464, "0.0.0.0")

    assert Endpoint(9464, "::1").token is None


def test_only_who_shows_the_token_is_given_metrics(tmp_path):
    with served(tmp_path, Endpoint(0, token=Secret(TOKEN))) as address:
        answers = [ask(f"{address}/metrics", token)[0] for token in (None, "another", TOKEN)]

    assert [401, 401, 200] == answers


def test_health_says_that_the_process_answers_and_nothing_else(tmp_path):
    with served(tmp_path, Endpoint(0, token=Secret(TOKEN))) as address:
        assert (200, "ok\n") == ask(f"{address}/health")
        assert 404 == ask(f"{address}/")[0]


def test_the_token_is_in_no_repr():
    assert TOKEN not in repr(Endpoint(0, token=Secret(TOKEN)))


@pytest.mark.parametrize("content", [None, "", "short"])
def test_a_token_file_must_hold_a_token(tmp_path, content):
    @click.command()
    @metrics.option
    def command(endpoint):
        return endpoint

    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)

    found = CliRunner().invoke(command, ["--metrics-token-file", str(path)])

    assert isinstance(found.exception, BadInput)
    assert "openssl rand" in str(found.exception)
