"""The configuration file that makes every other command find the local stack."""

from __future__ import annotations

from deploy.local.stack import Stack
from producers import files

__all__ = ["write"]

_TEXT = """\
# Written by `chartfeed local up`, anew each time. To change something, copy this file to
# ./chartfeed.yml, which comes first; relative paths are relative to the file.
kafka: {{bootstrap: "{kafka}"}}
registry: {{url: "{registry}"}}
sqlserver:
  user: chartfeed
  password_file: sqlserver/chartfeed.password
  encrypt: true
  trust_server_certificate: true   # the stand-in signs its own
centers: centers.yml
mappings: mappings/
output: {{path: output/, formats: [csv, json]}}
"""


def write(stack: Stack) -> None:
    """Write `chartfeed.yml` for the services that have an address; others keep the defaults."""
    known = stack.layout.ports
    text = _TEXT.format(
        kafka=stack.address("kafka") if "kafka" in known else "127.0.0.1:9092",
        registry=stack.address("registry")
        if "registry" in known
        else "http://127.0.0.1:8081/apis/ccompat/v7",
    )
    files.replace(stack.home / "chartfeed.yml", text)
    centers = stack.home / "centers.yml"
    if not centers.exists():
        files.replace(centers, "centers: []\n")
