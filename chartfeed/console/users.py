"""Who may sign in: a file of names, roles and hashed passwords, read anew when it has changed."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import orjson

from chartfeed.console.roles import Role
from producers import files
from schemas.errors import BadInput

__all__ = ["FEWEST_CHARACTERS", "User", "Users", "hashed"]

NAME: Final = "users.json"
FEWEST_CHARACTERS: Final = 12
LONGEST: Final = 60
# 32 MB and a tenth of a second for each guess.
COST: Final = 2**15
MEMORY: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class User:
    name: str
    roles: frozenset[Role]
    password: str | None = field(default=None, repr=False)
    """How it is checked; None for somebody whom only a proxy signs in."""

    def may(self, role: Role) -> bool:
        return role is Role.VIEWER or role in self.roles


class Users:
    """The users file; a change is seen by whoever asks next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._seen: tuple[int, int, int] | None = None
        self._users: dict[str, User] = {}

    @property
    def path(self) -> Path:
        return self._path

    def find(self, name: str) -> User | None:
        return self.all().get(named(name))

    def all(self) -> Mapping[str, User]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if seen != self._seen:
            self._users, self._seen = _parse(self._path), seen
        return self._users

    def signed_in(self, name: str, password: str) -> User | None:
        """Give the user if the password is right; takes as long for a name that is not known."""
        user = self.find(name)
        known = user.password if user is not None and user.password is not None else NOBODYS
        right = _is_right(password, known)
        return user if right and known is not NOBODYS else None

    def put(self, user: User) -> None:
        """Add or replace a user."""
        with self._locked():
            self._write({**self.all(), user.name: user})

    def set_roles(self, name: str, roles: frozenset[Role]) -> None:
        with self._locked():
            self._write({**self.all(), named(name): replace(self._known(name), roles=roles)})

    def remove(self, name: str) -> None:
        with self._locked():
            gone = self._known(name).name
            self._write({key: user for key, user in self.all().items() if key != gone})

    def _known(self, name: str) -> User:
        user = self.find(name)
        if user is None:
            raise BadInput(
                f"there is no user {name!r} in {self._path}", hint="chartfeed console user list"
            )
        return user

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "users.lock").open("w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, users: Mapping[str, User]) -> None:
        content = {
            "format": 1,
            "users": [
                {"name": user.name, "roles": sorted(user.roles), "password": user.password}
                for user in sorted(users.values(), key=lambda one: one.name)
            ],
        }
        files.replace(self._path, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
        os.chmod(self._path, 0o600)  # noqa: PTH101 - beside os.replace in files


def named(name: str) -> str:
    """Give the one form of a name, or refuse it."""
    text = unicodedata.normalize("NFC", " ".join(name.split()))
    if not text or len(text) > LONGEST or not text.isprintable() or ":" in text:
        raise BadInput(
            f"a user's name has 1 to {LONGEST} printable characters and no colon", hint="shorten it"
        )
    return text


def hashed(password: str) -> str:
    """Give what is kept of a password, or refuse one that is soon guessed."""
    if len(password) < FEWEST_CHARACTERS:
        raise BadInput(
            f"a password has at least {FEWEST_CHARACTERS} characters",
            hint="several words are easier to keep in mind than one of signs",
        )
    salt = secrets.token_bytes(16)
    key = _scrypt(password, salt, COST)
    return f"scrypt${COST}${b64encode(salt).decode()}${b64encode(key).decode()}"


def _is_right(password: str, kept: str) -> bool:
    _, cost, salt, key = kept.split("$")
    return hmac.compare_digest(_scrypt(password, b64decode(salt), int(cost)), b64decode(key))


def _scrypt(password: str, salt: bytes, cost: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=cost, r=8, p=1, maxmem=MEMORY, dklen=32)


# What the password of a name that is not known is held against.
NOBODYS: Final = f"scrypt${COST}${b64encode(b'nobody').decode()}${b64encode(bytes(32)).decode()}"


def _require_format(number: object) -> None:
    if number != 1:
        raise ValueError(number)


def _parse(path: Path) -> dict[str, User]:
    try:
        content = orjson.loads(path.read_bytes())
        _require_format(content["format"])
        users = [
            User(one["name"], frozenset(map(Role, one["roles"])), one["password"])
            for one in content["users"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path} can't be read as a users file: {type(error).__name__}",
            hint="chartfeed console user add NAME --role …, after moving it away",
        ) from error
    return {user.name: user for user in users}
