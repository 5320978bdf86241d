import pytest

from chartfeed.console.roles import OPERATOR
from tests.console import a_console, browsing, configured, post


@pytest.fixture
def console(tmp_path):
    return a_console(configured(tmp_path))


def test_the_first_page_is_for_those_who_signed_in(console):
    with browsing(console) as client:
        assert 200 == client.get("/").status_code

        client.cookies.clear()
        refused = client.get("/?a=b")

    assert (303, "/sign-in?next=/%3Fa%3Db") == (refused.status_code, refused.headers["location"])


def test_a_form_without_its_token_is_refused(console):
    with browsing(console, OPERATOR) as client:
        assert 403 == client.post("/sign-out").status_code
        assert 303 == post(client, "/sign-out").status_code
