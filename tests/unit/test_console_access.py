"""Who may see what: passwords, sessions, forms, roles, and those who guess."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chartfeed.console.roles import OPERATOR, REVIEWER, VIEWER
from chartfeed.console.session import HOURS, Keys, begun
from chartfeed.console.users import User, Users, hashed
from schemas.errors import BadInput, Outside
from tests.console import PASSWORD, a_console, browsing, configured, post, token

NOW = 1_800_000_000.0


@pytest.fixture
def console(tmp_path):
    return a_console(configured(tmp_path))


def test_the_users_file_keeps_no_password_and_nobody_else_may_read_it(tmp_path):
    users = Users(tmp_path / "console")
    users.put(User("anna", frozenset({OPERATOR}), hashed(PASSWORD)))

    assert PASSWORD not in users.path.read_text("utf-8")
    assert 0o600 == users.path.stat().st_mode & 0o777
    assert 0o700 == users.path.parent.stat().st_mode & 0o777


def test_a_change_of_the_users_file_is_seen_at_once(tmp_path):
    kept, edited = Users(tmp_path), Users(tmp_path)
    edited.put(User("anna", frozenset()))
    assert not kept.all()["anna"].may(OPERATOR)
    edited.set_roles("anna", frozenset({OPERATOR}))
    assert kept.all()["anna"].may(OPERATOR)
    edited.remove("anna")
    assert {} == kept.all()
    with pytest.raises(BadInput, match="no user 'anna'"):
        edited.remove("anna")


@pytest.mark.parametrize("text", ["", "{", '{"format": 2, "users": []}', '{"format": 1}'])
def test_a_users_file_that_says_nothing_is_told_of(tmp_path, text):
    (tmp_path / "users.json").write_text(text)
    with pytest.raises(BadInput, match="can't be read as a users file"):
        Users(tmp_path).all()


def test_a_short_password_is_refused():
    with pytest.raises(BadInput, match="at least 12"):
        hashed("Sommer2026!")


@pytest.mark.parametrize("name", ["", " ", "a:b", "a\nb\x00", "x" * 61])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(BadInput, match="printable"):
        Users(tmp_path).find(name)


def test_a_password_is_the_same_however_its_letters_are_composed(tmp_path):
    users = Users(tmp_path)
    users.put(User("jörg", frozenset(), hashed("grüne Zähne putzen")))

    assert users.signed_in("jo\u0308rg", "gru\u0308ne Za\u0308hne putzen")
    assert users.signed_in("jörg", "grune Zahne putzen") is None
    assert users.signed_in("nobody", PASSWORD) is None


def test_a_user_of_the_proxy_has_no_password_that_would_fit(tmp_path):
    users = Users(tmp_path)
    users.put(User("anna", frozenset()))
    assert users.signed_in("anna", "") is None


def test_a_session_ends_after_half_a_day():
    keys = Keys(bytes(32))
    cookie = keys.cookie(begun(NOW, "anna"))

    assert keys.session(cookie, NOW + HOURS * 3600 - 1) is not None
    assert keys.session(cookie, NOW + HOURS * 3600) is None


def test_what_another_key_or_purpose_signed_is_nothing():
    keys = Keys(bytes(32))
    cookie = keys.cookie(begun(NOW, "anna"))

    assert Keys(bytes(range(32))).session(cookie, NOW) is None
    assert keys.opened("said", cookie) is None
    for forged in (None, "", ".", "ü.x", cookie[:-1], f"A{cookie}", "x" * 2000):
        assert keys.session(forged, NOW) is None


def test_the_key_is_made_once_and_is_nobody_elses_to_read(tmp_path):
    first = Keys.kept_in(tmp_path / "console")
    path = tmp_path / "console" / "key"

    cookie = first.cookie(begun(NOW))
    assert Keys.kept_in(tmp_path / "console").session(cookie, NOW)
    assert 0o600 == path.stat().st_mode & 0o777
    path.write_bytes(b"short")
    with pytest.raises(Outside, match="is no key"):
        Keys.kept_in(tmp_path / "console")


def test_another_password_and_another_role_count_from_the_next_request_on(console):
    with browsing(console, OPERATOR) as client:
        assert "data-opens" in client.get("/centers/center_01").text
        console.access.users.set_roles("anna", frozenset())
        assert "data-opens" not in client.get("/centers/center_01").text
        console.access.users.put(User("anna", frozenset(), hashed("another four words")))
        assert 303 == client.get("/").status_code


@pytest.mark.parametrize("roles", [(), (REVIEWER,), (VIEWER,)])
@pytest.mark.parametrize("action", ["pause", "resume", "resync"])
def test_only_operators_act_on_a_center(console, roles, action):
    with browsing(console, *roles) as client:
        answer = post(client, f"/centers/center_01/{action}")

    assert 403 == answer.status_code
    assert "operator" in answer.text


def test_every_form_needs_the_token_of_its_own_session(console):
    with browsing(console, OPERATOR) as client:
        own = token(client)
        with browsing(console, OPERATOR, name="berta") as other:
            foreign = token(other)

        assert own != foreign
        for given in ({}, {"token": ""}, {"token": foreign}, {"token": "ü"}):
            assert 403 == client.post("/sign-out", data=given).status_code
        assert 303 == client.post("/sign-out", headers={"X-CSRF-Token": own}).status_code


def test_the_cookie_is_for_this_site_and_no_script(console):
    with browsing(console) as client:
        client.cookies.clear()
        plain = client.get("/sign-in").headers["set-cookie"]

    assert {"httponly", "samesite=strict", "path=/"} <= set(plain.lower().split("; "))


def test_who_guesses_has_to_wait_and_others_do_not(console):
    with browsing(console) as client:
        client.cookies.clear()
        client.get("/sign-in")
        fields = {"name": "anna", "password": "a wrong password", "next": "/"}
        for _ in range(5):
            assert 403 == post_in(client, fields).status_code
        refused = post_in(client, fields | {"password": PASSWORD})

        assert (429, True) == (refused.status_code, int(refused.headers["retry-after"]) > 200)
        console.access.users.put(User("berta", frozenset(), hashed(PASSWORD)))
        assert 303 == post_in(client, fields | {"name": "berta", "password": PASSWORD}).status_code


def test_guesses_that_come_at_once_are_counted_like_those_that_follow_one_another(console):
    with browsing(console) as client:
        client.cookies.clear()
        fields = {"name": "anna", "password": "a wrong password", "next": "/"}
        fields["token"] = token(client, "/sign-in")
        with ThreadPoolExecutor(10) as pool:
            found = list(pool.map(lambda _: client.post("/sign-in", data=fields), range(10)))

    assert [403] * 5 + [429] * 5 == sorted(answer.status_code for answer in found)


def test_a_name_with_more_spaces_is_guessed_for_as_the_same(console):
    with browsing(console, name="anna b") as client:
        client.cookies.clear()
        found = [
            post_in(client, {"name": f"anna{' ' * spaces}b", "password": "wrong"}).status_code
            for spaces in range(1, 7)
        ]

    assert [403] * 5 + [429] == found


def post_in(client, fields):
    return client.post("/sign-in", data={"token": token(client, "/sign-in")} | fields)


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/days?x=1", "/days?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\r\nX: y", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_stays_here(console, wanted, target):
    with browsing(console) as client:
        client.cookies.clear()
        client.get("/sign-in")
        answer = post_in(client, {"name": "anna", "password": PASSWORD, "next": wanted})

    assert (303, target) == (answer.status_code, answer.headers["location"])
