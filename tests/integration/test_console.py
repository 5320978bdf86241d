import pytest

from chartfeed.console.roles import OPERATOR
from tests.browser import chromium, looking, served, violations  # noqa: F401 - a fixture, by name
from tests.console import a_console, configured

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets")


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    return a_console(configured(tmp_path_factory.mktemp("console")))


def test_the_overview_is_for_everybody(console, chromium):
    with served(console) as address, looking(chromium, console, address, OPERATOR) as page:
        page.goto("/")

        assert page.get_by_role("heading", name="Overview").is_visible()
        assert [] == violations(page)
