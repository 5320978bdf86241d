"""The SQL Server stand-in as a service of the stack."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.java import Artifacts
from deploy.local.ports import LOOPBACK
from deploy.local.process import Mark
from deploy.local.service import Launch

__all__ = ["StandIn"]

# The first packet of any client: an option VERSION of six bytes, and the end of the options.
_PRELOGIN = bytes.fromhex("120100140000010000000600 06ff 000000000000".replace(" ", ""))
_RESPONSE = b"\x04"


class StandIn:
    name = "sqlserver"
    ports: Mapping[str, int] = {"tds": 14330}
    needs_java = False
    patience = 30.0

    def prepare(self, folder: Path, ports: Mapping[str, int], artifacts: Artifacts) -> Launch:
        del artifacts
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("sa.password", "chartfeed.password"):
            keep_secret(folder / name)
        (folder / "ready.json").unlink(missing_ok=True)
        module, ready = self.mark(folder)
        command = [sys.executable, "-m", module]
        command += ["--home", str(folder / "data"), "--port", str(ports["tds"])]
        command += ["--password-file", str(folder / "sa.password")]
        command += ["--ready-file", ready]
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        return Launch(command, os.environ | {"PYTHONPATH": path})

    def mark(self, folder: Path) -> Mark:
        return ("deploy.local.sqlserver", str(folder / "ready.json"))

    def address(self, ports: Mapping[str, int]) -> str:
        return f"{LOOPBACK},{ports['tds']}"

    def is_ready(self, folder: Path, ports: Mapping[str, int]) -> bool:
        try:
            ready = json.loads((folder / "ready.json").read_text(encoding="utf-8"))
            with socket.create_connection((LOOPBACK, ports["tds"]), timeout=1) as probe:
                probe.sendall(_PRELOGIN)
                answer = probe.recv(1)
            return bool(ready["port"] == ports["tds"] and answer == _RESPONSE)
        except (OSError, ValueError, KeyError):
            return False

    def facts(self, folder: Path) -> Mapping[str, str]:
        return {"user": "sa", "password_file": str(folder / "sa.password")}


def keep_secret(path: Path) -> None:
    """Make a password of our own, once and whole, readable by its owner alone."""
    if path.exists():
        return
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # SQL Server wants three kinds of characters in a password.
        file.write("Cf1-" + secrets.token_urlsafe(24))
    fresh.rename(path)
