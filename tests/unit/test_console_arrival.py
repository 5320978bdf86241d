"""Forms are taken in whole, within a size and a time, before anything else is done for them."""

import asyncio

import pytest

from chartfeed.console.arrival import LARGEST, Arrived
from chartfeed.console.limits import Bounded
from tests.console import a_console, browsing, configured

POST = {"type": "http", "method": "POST", "path": "/sign-in"}
GET = {"type": "http", "method": "GET", "path": "/sign-in"}
GONE = {"type": "http.disconnect"}


def part(content=b"", *, more=True):
    return {"type": "http.request", "body": content, "more_body": more}


class Browser:
    """Sends what it is given and then nothing more; keeps the answer's status."""

    def __init__(self, *messages):
        self._messages = list(messages)
        self.status = None

    async def receive(self):
        if self._messages:
            return self._messages.pop(0)
        return await asyncio.Event().wait()

    async def send(self, message):
        self.status = message.get("status", self.status)


async def echo(scope, receive, send):
    """Answer with what was sent."""
    message = await receive() if scope["method"] == "POST" else part(more=False)
    assert message["more_body"] is False
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


async def asked(browser, scope=POST, **limits):
    await Arrived(echo, **limits)(scope, browser.receive, browser.send)
    return browser.status


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([part(b"a" * 6), part(b"a" * 4, more=False)], 200),
        ([part(b"a" * 6), part(b"a" * 5)], 413),
        ([part(b"a" * 11, more=False)], 413),
        ([part(b"a")], 408),
        ([part(b"a"), GONE], None),
    ],
)
def test_a_form_is_taken_whole_in_its_size_and_time_or_not_at_all(messages, status):
    assert status == asyncio.run(asked(Browser(*messages), largest=10, seconds=0.05))


def test_forms_that_do_not_end_keep_nobody_from_the_pages():
    assert 200 == asyncio.run(beside_unfinished(20))


async def beside_unfinished(count):
    """Ask for a page while forms are begun and not ended; gives its status."""
    app = Arrived(Bounded(echo))
    unfinished = [Browser(part(b"name=a")) for _ in range(count)]
    tasks = [asyncio.create_task(app(POST, one.receive, one.send)) for one in unfinished]
    await asyncio.sleep(0)
    reader = Browser()
    await app(GET, reader.receive, reader.send)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return reader.status


def test_the_console_takes_no_larger_form_from_anybody(tmp_path):
    with browsing(a_console(configured(tmp_path))) as client:
        client.cookies.clear()
        answer = client.post("/sign-in", data={"name": "a" * LARGEST})

    assert 413 == answer.status_code
    assert "close" == answer.headers["connection"]
