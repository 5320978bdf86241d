"""`chartfeed schemas` against the real registry."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartfeed.cli import Context
from chartfeed.schemas import schemas
from deploy.registry import Registry
from schemas import avro, records, subjects
from schemas.errors import Outside
from schemas.subjects import RECORDS

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def run(home: Path, command: str) -> Result:
    context = Context(str(home / "chartfeed.yml"))
    return CliRunner().invoke(
        schemas, [command], obj=context, standalone_mode=False, catch_exceptions=False
    )


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_schemas_are_registered_once_and_then_known(stack: Path, services: dict[str, Any]) -> None:
    url = services["registry"]["address"]

    first = run(stack, "register")
    again = run(stack, "register")
    checked = run(stack, "check")

    assert first.return_value == again.return_value == checked.return_value == 0
    assert first.stdout == again.stdout == checked.stdout
    assert len(first.stdout.splitlines()) == len(RECORDS)
    subject = "chartfeed.chart-entries-value"
    latest = ask(f"{url}/subjects/{subject}/versions/latest")
    assert json.loads(latest["schema"]) == avro.load(records.ChartEntry)
    assert f"{subject}: schema {latest['id']}\n" in first.stdout
    assert ask(f"{url}/config/{subject}") == {"compatibilityLevel": "BACKWARD"}


def with_field(field: dict[str, str]) -> dict[str, str]:
    """Give the schema of commands with one field more, by its subject."""
    schema = avro.load(records.Command)
    schema["fields"].append(field)
    return {"chartfeed.commands-value": json.dumps(schema)}


def test_a_later_schema_is_refused_only_if_it_breaks(stack: Path, services: dict[str, Any]) -> None:
    run(stack, "register")
    url = services["registry"]["address"]
    breaking = Registry(url, with_field({"name": "why", "type": "string"}))
    harmless = Registry(url, with_field({"name": "why", "type": "string", "default": ""}))

    assert [finding.state for finding in breaking.check()] == ["incompatible"]
    assert [finding.state for finding in breaking.register()] == ["incompatible"]
    assert [finding.state for finding in harmless.check()] == ["changed"]


def test_a_registry_that_is_not_there_is_named() -> None:
    nowhere = Registry("http://127.0.0.1:1", subjects.texts())

    with pytest.raises(Outside, match=r"the schema registry at http://127\.0\.0\.1:1 does not"):
        list(nowhere.check())
