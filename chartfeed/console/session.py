"""The signed cookie that says who a browser is, and the token that its forms must bring."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from schemas.errors import Outside

__all__ = ["HOURS", "Keys", "Session"]

HOURS: Final = 12
KEY_BYTES: Final = 32
LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """`proof` ties it to the password that it began with; another password ends it."""

    nonce: str
    since: int
    name: str | None = None
    proof: str = ""


class Keys:
    """Signs what a browser keeps for us, with one secret key kept in a file."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def kept_in(cls, folder: Path) -> Keys:
        """Give the folder's key, made when there is none."""
        path = folder / "key"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new:
                new.write(secrets.token_bytes(KEY_BYTES))
        except FileExistsError:
            pass
        key = path.read_bytes()
        if len(key) < KEY_BYTES:
            raise Outside(f"{path} is no key", hint=f"rm {path}   (everybody signs in again)")
        return cls(key)

    def session(self, text: str | None, now: float) -> Session | None:
        """Read a cookie of ours that is not too old."""
        payload = self.opened("session", text)
        if payload is None:
            return None
        nonce, since, name, proof = orjson.loads(payload)
        return Session(nonce, since, name, proof) if since > now - HOURS * 3600 else None

    def cookie(self, session: Session) -> str:
        content = [session.nonce, session.since, session.name, session.proof]
        return self.sealed("session", orjson.dumps(content))

    def token(self, session: Session) -> str:
        """Give what every form of this session must bring."""
        return self._mac("token", session.nonce.encode())

    def is_token(self, session: Session, text: str) -> bool:
        return hmac.compare_digest(self.token(session).encode(), text.encode("utf-8", "replace"))

    def proof(self, kept: str) -> str:
        """Give a mark of a password's hash, which changes with it and tells nothing of it."""
        return self._mac("proof", kept.encode())[:16]

    def sealed(self, purpose: str, content: bytes) -> str:
        return f"{urlsafe_b64encode(content).decode()}.{self._mac(purpose, content)}"

    def opened(self, purpose: str, text: str | None) -> bytes | None:
        """Give what was sealed for a purpose, or None for anything else."""
        if not text or len(text) > LONGEST:
            return None
        body, _, mac = text.rpartition(".")
        try:
            content = urlsafe_b64decode(body.encode("ascii"))
        except ValueError:
            return None
        due = self._mac(purpose, content)
        return (
            content if hmac.compare_digest(due.encode(), mac.encode("utf-8", "replace")) else None
        )

    def _mac(self, purpose: str, content: bytes) -> str:
        digest = hmac.digest(self._key, purpose.encode() + b"\0" + content, hashlib.sha256)
        return urlsafe_b64encode(digest).decode().rstrip("=")


def begun(now: float, name: str | None = None, proof: str = "") -> Session:
    """Give a new session, which no other shares a token with."""
    return Session(secrets.token_urlsafe(16), int(now), name, proof)
