"""A client of a schema registry, by Confluent's protocol."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from schemas import avro, subjects
from schemas.errors import BadInput, Failed, Outside, RetryLater
from schemas.topics import Topic

__all__ = ["Access", "Registry", "Unregistered"]

CONTENT: Final = "application/vnd.schemaregistry.v1+json"
PATIENCE: Final = 10.0
NOT_FOUND: Final = 404
CONFLICT: Final = 409
DENIED: Final = frozenset({401, 403})


class Unregistered(Outside):
    """The registry does not know the schema that this version writes with."""


class Secret(Protocol):
    """A password that shows itself to nobody but `reveal`."""

    def reveal(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Access:
    """What a client shows a registry, and the certificates it trusts, else the system's."""

    user: str | None = None
    password: Secret | None = field(default=None, repr=False)
    token: Secret | None = field(default=None, repr=False)
    ca_file: str | None = None

    def authorization(self) -> str | None:
        """Give the header's value; it holds the secret."""
        if self.token is not None:
            return f"Bearer {self.token.reveal()}"
        if self.user is not None and self.password is not None:
            login = f"{self.user}:{self.password.reveal()}".encode()
            return f"Basic {base64.b64encode(login).decode('ascii')}"
        return None


class Registry:
    """A registry at its address; making one asks nothing."""

    def __init__(self, url: str, access: Access | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise BadInput(f"{url} is no http address", hint="correct registry.url")
        if "@" in parts.netloc:
            raise BadInput(
                f"registry.url for {parts.hostname} holds a login",
                hint="take it out; set registry.user and registry.password_file",
            )
        self._url = url.rstrip("/")
        self._access = access or Access()
        self._trust = _trust(self._access.ca_file) if parts.scheme == "https" else None
        self._texts: dict[int, str] = {}

    def register(self, topic: Topic) -> int:
        """Put a topic's schema under its subject, held to BACKWARD, and give its id."""
        subject = subjects.subject(topic)
        self._ask("PUT", f"config/{quote(subject)}", {"compatibility": "BACKWARD"})
        return int(self._ask("POST", f"subjects/{quote(subject)}/versions", _schema(topic))["id"])

    def id_of(self, topic: Topic) -> int:
        """Give the id under which a topic's schema is registered, or raise Unregistered."""
        subject = subjects.subject(topic)
        found = self._ask("POST", f"subjects/{quote(subject)}", _schema(topic), missing={})
        if "id" not in found:
            raise Unregistered(
                f"the registry does not have the schema of {topic.name}",
                hint="chartfeed schemas register",
                topic=topic.name,
            )
        return int(found["id"])

    def latest(self, topic: Topic) -> avro.Json | None:
        """Give the newest schema that the registry has for a topic, None where it has none."""
        subject = quote(subjects.subject(topic))
        found = self._ask("GET", f"subjects/{subject}/versions/latest", missing={})
        return json.loads(found["schema"]) if found else None

    def schema(self, schema_id: int) -> avro.Json:
        """Give the schema of an id, as a decoder learns it."""
        return _parsed(self._ask("GET", f"schemas/ids/{int(schema_id)}")["schema"])

    def known(self, schema_id: int) -> avro.Json | None:
        """Give the schema of an id, None where the registry has none, or raise RetryLater.

        An id's schema never changes, so each is asked for once, by whatever thread; one that is
        missing may come.
        """
        text = self._texts.get(schema_id)
        if text is None:
            try:
                found = self._ask("GET", f"schemas/ids/{int(schema_id)}", missing={})
            except Outside as error:
                raise RetryLater(error.message, hint=error.hint) from error
            if not found:
                return None
            text = self._texts[schema_id] = found["schema"]
        return _parsed(text)

    def _ask(self, method: str, path: str, content: object = None, *, missing: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            f"{self._url}/{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": CONTENT, "Accept": CONTENT},
            method=method,
        )
        authorization = self._access.authorization()
        if authorization is not None:
            # Not sent on to wherever the registry may redirect to.
            request.add_unredirected_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(  # noqa: S310 - same
                request, timeout=PATIENCE, context=self._trust
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == NOT_FOUND and missing is not None:
                    return missing
                raise _refused(error, path) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Outside(
                f"the schema registry at {self._url} does not answer: {error}",
                hint="chartfeed local up registry, or correct registry.url in the configuration",
            ) from error


def _trust(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise BadInput(
            f"the registry's certificates in {ca_file} can't be read: {error.strerror or error}",
            hint="correct registry.ca_file, a PEM file",
        ) from error


def _parsed(text: str) -> avro.Json:
    """Give a schema's JSON; the text of one that is none, such as Protobuf's, which is no Avro."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _schema(topic: Topic) -> dict[str, str]:
    return {"schema": avro.text(subjects.RECORDS[topic]), "schemaType": "AVRO"}


def _refused(error: urllib.error.HTTPError, path: str) -> Failed | Outside:
    said = error.read().decode("utf-8", "replace")
    if error.code in DENIED:
        return Outside(
            f"the registry answers {error.code} to {path}: it does not accept the login",
            hint="look at registry.user and its password, or registry.token_file",
        )
    if error.code == CONFLICT:
        return Failed(
            f"the registry refuses {path}, it is not BACKWARD compatible: {said}",
            hint="chartfeed schemas check",
        )
    return Outside(
        f"the registry answers {error.code} to {path}: {said}",
        hint="look at the registry's log: chartfeed local logs registry",
    )
