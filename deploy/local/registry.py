"""Apicurio as a schema registry that speaks Confluent's protocol, a service of the stack."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from deploy.local.java import Artifacts, java
from deploy.local.ports import LOOPBACK
from deploy.local.process import Mark
from deploy.local.service import Launch

__all__ = ["Registry"]


class Registry:
    name = "registry"
    ports: Mapping[str, int] = {"http": 8081, "management": 8082}
    needs_java = True
    patience = 90.0

    def prepare(self, folder: Path, ports: Mapping[str, int], artifacts: Artifacts) -> Launch:
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(ports["http"]),
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": str(ports["management"]),
            "QUARKUS_LOG_LEVEL": "WARN",
            "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "h2",
            "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{folder / 'registry'}",
            "APICURIO_RULES_GLOBAL_COMPATIBILITY": "BACKWARD",
        }
        command = [
            *java(folder),
            "-Xmx256m",
            self.mark(folder)[0],
            "-jar",
            str(artifacts.registry / "quarkus-run.jar"),
        ]
        return Launch(command, os.environ | settings)

    def mark(self, folder: Path) -> Mark:
        return (f"-Dchartfeed.registry={folder}", "-jar")

    def address(self, ports: Mapping[str, int]) -> str:
        return f"http://{LOOPBACK}:{ports['http']}/apis/ccompat/v7"

    def is_ready(self, folder: Path, ports: Mapping[str, int]) -> bool:
        del folder
        try:
            url = self.address(ports) + "/config"
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http
                return bool(json.load(answer)["compatibilityLevel"] == "BACKWARD")
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
            return False

    def facts(self, folder: Path) -> Mapping[str, str]:
        del folder
        return {}
