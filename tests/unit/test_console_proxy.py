"""A proxy before the console: when it is believed, what of, and who comes around it."""

import pytest
from starlette.requests import HTTPConnection

from chartfeed import settings
from chartfeed.console.proxy import Proxy, token_in
from chartfeed.console.roles import OPERATOR
from chartfeed.console.users import User
from chartfeed.console_command import _proxy
from chartfeed.password import Secret
from schemas.errors import BadInput
from tests.console import PASSWORD, a_console, browsing, configured

BERTA = {"X-Remote-User": "berta"}
TOKEN = "what only the proxy knows"


def a_proxy(*addresses, **others):
    return Proxy(frozenset(addresses or ("testclient",)), "X-Remote-User", **others)


def a_request(host, *forwarded):
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return HTTPConnection({"type": "http", "client": (host, 50000), "headers": headers})


def status(console, headers, path="/"):
    with browsing(console) as client:
        client.cookies.clear()
        return client.get(path, headers=headers).status_code


def test_a_proxy_is_believed_from_its_own_address_alone(tmp_path):
    loaded = configured(tmp_path)
    with browsing(a_console(loaded, proxy=a_proxy(has_viewers=True))) as client:
        client.cookies.clear()
        page = client.get("/", headers=BERTA | {"X-Forwarded-Proto": "https"})
        assert 200 == page.status_code
        assert "berta" in page.text
        assert "secure" in page.headers["set-cookie"].lower()
        assert "Sign out" not in page.text
        assert 303 == client.get("/").status_code

    for console in (a_console(loaded, proxy=a_proxy("10.0.0.1")), a_console(loaded)):
        assert 303 == status(console, BERTA)


def test_a_user_of_the_proxy_has_the_roles_of_the_users_file(tmp_path):
    console = a_console(configured(tmp_path), proxy=a_proxy(has_viewers=True))
    console.access.users.put(User("berta", frozenset({OPERATOR})))
    with browsing(console) as client:
        client.cookies.clear()
        for name, may in (("berta", True), ("carl", False)):
            page = client.get("/centers/center_01", headers={"X-Remote-User": name})
            assert may == ("data-opens" in page.text)


def test_whom_the_users_file_does_not_have_may_look_only_where_that_is_said(tmp_path):
    loaded = configured(tmp_path)

    assert 200 == status(a_console(loaded, proxy=a_proxy(has_viewers=True)), BERTA)
    console = a_console(loaded, proxy=a_proxy())
    with browsing(console) as client:
        client.cookies.clear()
        refused = client.get("/", headers=BERTA)
        assert (403, True) == (refused.status_code, "users file" in refused.text)
        console.access.users.put(User("berta", frozenset()))
        assert 200 == client.get("/", headers=BERTA).status_code


@pytest.mark.parametrize("names", [("anna", "berta"), ("berta", "anna"), ("",), ("a:b",)])
def test_who_is_named_twice_or_not_at_all_is_nobody(tmp_path, names):
    console = a_console(configured(tmp_path), proxy=a_proxy(has_viewers=True))

    assert 403 == status(console, [("X-Remote-User", name) for name in names])


@pytest.mark.parametrize(
    ("shown", "expected"),
    [({}, 303), ({"X-Proxy-Token": "ü"}, 303), ({"X-Proxy-Token": TOKEN}, 200)],
)
def test_another_process_at_the_proxys_address_does_not_know_its_token(tmp_path, shown, expected):
    proxy = a_proxy(token=Secret(TOKEN), has_viewers=True)
    shown = {name: value.encode() for name, value in shown.items()}

    assert expected == status(a_console(configured(tmp_path), proxy=proxy), BERTA | shown)


def test_without_tls_nobody_comes_around_the_proxy(tmp_path):
    loaded = configured(tmp_path)
    proxy = a_proxy("10.0.0.5")
    with browsing(a_console(loaded, proxy=proxy), only=proxy) as client:
        for path in ("/", "/sign-in", "/static/console.css"):
            assert 403 == client.get(path).status_code
        assert 403 == client.post("/sign-in", data={"password": PASSWORD}).status_code

    here = a_proxy(token=Secret(TOKEN))
    with browsing(a_console(loaded, proxy=here), only=here) as client:
        assert 403 == client.get("/").status_code
        assert 200 == client.get("/", headers={"X-Proxy-Token": TOKEN}).status_code


@pytest.mark.parametrize(
    "lines",
    [
        ["192.0.2.7"],
        ["198.51.100.9", "192.0.2.7"],
        ["198.51.100.9, 192.0.2.7, 10.0.0.5"],
        ["198.51.100.9", "192.0.2.7, 10.0.0.1", ""],
    ],
)
def test_somebody_is_where_the_proxy_saw_them_whatever_they_say_themselves(lines):
    proxy = a_proxy("10.0.0.5", "10.0.0.1")

    assert "192.0.2.7" == proxy.client(a_request("10.0.0.5", *lines))
    assert "192.0.2.9" == proxy.client(a_request("192.0.2.9", *lines))


@pytest.mark.parametrize("lines", [[], [""], ["10.0.0.1"]])
def test_somebody_of_whom_the_proxy_says_nothing_is_at_the_proxy(lines):
    proxy = a_proxy("10.0.0.5", "10.0.0.1")

    assert "10.0.0.5" == proxy.client(a_request("10.0.0.5", *lines))


def test_an_address_of_ipv4_is_the_same_however_the_socket_writes_it():
    assert a_proxy("10.0.0.5").is_from(a_request("::ffff:10.0.0.5"))


def test_a_token_that_is_soon_guessed_or_missing_is_refused(tmp_path):
    path = tmp_path / "token"
    with pytest.raises(BadInput, match="can't be read"):
        token_in(path)
    path.write_text("short\n")
    with pytest.raises(BadInput, match="fewer than 20"):
        token_in(path)
    path.write_text(f"{TOKEN}\n")
    assert TOKEN == token_in(path).reveal()


def test_the_configuration_says_which_proxy_is_believed(tmp_path):
    configured(tmp_path)
    (tmp_path / "token").write_text(TOKEN)
    path = tmp_path / "chartfeed.yml"
    path.write_text("console: {proxies: [10.0.0.5], proxy_token_file: token, proxy_viewers: true}")
    proxy = _proxy(settings.load(path, {}))
    assert proxy is not None
    assert proxy.token is not None
    assert frozenset({"10.0.0.5"}) == proxy.addresses
    assert (TOKEN, True) == (proxy.token.reveal(), proxy.has_viewers)

    path.write_text("console: {proxy_token_file: token}")
    with pytest.raises(BadInput, match="there is none"):
        _proxy(settings.load(path, {}))
