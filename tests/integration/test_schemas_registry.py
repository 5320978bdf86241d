"""`chartfeed schemas` against the real registry."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartfeed.cli import Context
from chartfeed.schemas import schemas
from schemas import avro, records
from schemas.subjects import RECORDS

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def run(home: Path, command: str) -> Result:
    context = Context(str(home / "chartfeed.yml"))
    return CliRunner().invoke(
        schemas, [command], obj=context, standalone_mode=False, catch_exceptions=False
    )


def ask(url: str, method: str = "GET", content: object = None) -> Any:
    data = None if content is None else json.dumps(content).encode()
    headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_schemas_are_registered_once_and_then_known(stack: Path, services: dict[str, Any]) -> None:
    url = services["registry"]["address"]

    first = run(stack, "register")
    again = run(stack, "register")
    checked = run(stack, "check")

    assert first.return_value == again.return_value == checked.return_value == 0
    assert first.stdout == again.stdout
    assert len(first.stdout.splitlines()) == len(RECORDS)
    subject = "chartfeed.chart-entries-value"
    latest = ask(f"{url}/subjects/{subject}/versions/latest")
    assert json.loads(latest["schema"]) == avro.load(records.ChartEntry)
    assert f"{subject}: schema {latest['id']}\n" in first.stdout
    assert ask(f"{url}/config/{subject}") == {"compatibilityLevel": "BACKWARD"}


def test_a_registered_schema_that_ours_cannot_read_is_named(
    stack: Path, services: dict[str, Any]
) -> None:
    run(stack, "register")
    url = services["registry"]["address"]
    subject = "chartfeed.commands-value"
    strange = avro.load(records.Command)
    strange["fields"] = [field for field in strange["fields"] if field["name"] != "action"]
    ask(f"{url}/config/{subject}", "PUT", {"compatibility": "NONE"})
    ask(f"{url}/subjects/{subject}/versions", "POST", {"schema": json.dumps(strange)})
    try:
        checked = run(stack, "check")
    finally:
        ask(f"{url}/subjects/{subject}/versions/latest", "DELETE")

    assert checked.return_value == 1
    assert f"{subject}: value.action: a new field needs a default" in checked.stderr
    assert run(stack, "register").return_value == run(stack, "check").return_value == 0
