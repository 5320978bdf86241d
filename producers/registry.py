"""A client of a schema registry, by Confluent's protocol."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any, Final
from urllib.parse import quote, urlsplit

from schemas import avro, subjects
from schemas.errors import BadInput, Failed, Outside, RetryLater
from schemas.topics import Topic

__all__ = ["Registry", "Unregistered"]

CONTENT: Final = "application/vnd.schemaregistry.v1+json"
PATIENCE: Final = 10.0
NOT_FOUND: Final = 404
CONFLICT: Final = 409


class Unregistered(Outside):
    """The registry does not know the schema that this version writes with."""


class Registry:
    """A registry at its address; making one asks nothing."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise BadInput(f"{url} is no http address", hint="correct registry.url")
        self._url = url.rstrip("/")

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
        return json.loads(self._ask("GET", f"schemas/ids/{int(schema_id)}")["schema"])

    def known(self, schema_id: int) -> avro.Json | None:
        """Give the schema of an id, None where the registry has none, or raise RetryLater."""
        try:
            found = self._ask("GET", f"schemas/ids/{int(schema_id)}", missing={})
        except Outside as error:
            raise RetryLater(error.message, hint=error.hint) from error
        return json.loads(found["schema"]) if found else None

    def _ask(self, method: str, path: str, content: object = None, *, missing: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            f"{self._url}/{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": CONTENT, "Accept": CONTENT},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - same
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


def _schema(topic: Topic) -> dict[str, str]:
    return {"schema": avro.text(subjects.RECORDS[topic]), "schemaType": "AVRO"}


def _refused(error: urllib.error.HTTPError, path: str) -> Failed | Outside:
    said = error.read().decode("utf-8", "replace")
    if error.code == CONFLICT:
        return Failed(
            f"the registry refuses {path}, it is not BACKWARD compatible: {said}",
            hint="chartfeed schemas check",
        )
    return Outside(
        f"the registry answers {error.code} to {path}: {said}",
        hint="look at the registry's log: chartfeed local logs registry",
    )
