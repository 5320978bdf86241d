"""The schema registry's side of the contract: registering our schemas, and asking beforehand."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from schemas.errors import Failed, Outside

__all__ = ["Finding", "Registry", "State"]

LEVEL = "BACKWARD"
CONTENT = "application/vnd.schemaregistry.v1+json"
TIMEOUT = 10.0

State: TypeAlias = Literal["registered", "new", "changed", "incompatible"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a registry would say to our schema of a subject; `id` where it has just that one."""

    subject: str
    state: State
    id: int | None = None
    detail: str | None = None


class _Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Registry:
    """A registry that speaks Confluent's protocol; `schemas` are ours, by subject."""

    def __init__(self, url: str, schemas: Mapping[str, str]) -> None:
        self._url = url
        self._schemas = schemas

    def check(self) -> Iterator[Finding]:
        """Compare every schema of ours with what is registered, and register nothing."""
        for name, text in self._schemas.items():
            yield self._check(name, text)

    def register(self) -> Iterator[Finding]:
        """Register every schema of ours; those that are there already stay as they are."""
        for name, text in self._schemas.items():
            found = self._check(name, text)
            if found.state in {"new", "changed"}:
                self._enforce(name)
                answer = self._ask("POST", f"/subjects/{quote(name)}/versions", {"schema": text})
                yield Finding(name, found.state, int(answer["id"]))
            else:
                yield found

    def _check(self, name: str, text: str) -> Finding:
        path = f"/subjects/{quote(name)}"
        try:
            there = self._ask("POST", path, {"schema": text})
        except _Refused as refusal:
            if refusal.code != 404:
                raise self._failed(name, refusal) from refusal
        else:
            return Finding(name, "registered", int(there["id"]))
        try:
            answer = self._ask(
                "POST", f"/compatibility{path}/versions/latest?verbose=true", {"schema": text}
            )
        except _Refused as refusal:
            if refusal.code == 404:
                return Finding(name, "new")
            raise self._failed(name, refusal) from refusal
        if answer.get("is_compatible"):
            return Finding(name, "changed")
        said = "; ".join(str(line) for line in answer.get("messages") or ())
        return Finding(name, "incompatible", detail=said or "the registry gives no reason")

    def _enforce(self, name: str) -> None:
        try:
            self._ask("PUT", f"/config/{quote(name)}", {"compatibility": LEVEL})
        except _Refused as refusal:
            raise self._failed(name, refusal) from refusal

    def _failed(self, name: str, refusal: _Refused) -> Failed:
        return Failed(
            f"{self._url} refuses {name}: {refusal.code} {refusal.message}",
            hint="look at registry.url in the configuration and at the registry's log",
            subject=name,
        )

    def _ask(self, method: str, path: str, body: object) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the configured registry
            self._url + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": CONTENT, "Accept": CONTENT},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise _Refused(error.code, _message(text)) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Outside(
                f"the schema registry at {self._url} does not answer: {reason}",
                hint="chartfeed local up registry, or correct registry.url",
            ) from error


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return " ".join(text.split())[:200] or "no reason given"
