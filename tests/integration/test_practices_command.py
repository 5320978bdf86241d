"""Practices are loaded into whatever server is named, and found there by the usual commands."""

import secrets

import pytest

from tests.standin import running

pytestmark = [pytest.mark.sqlserver, pytest.mark.timeout(120)]


def test_practices_are_loaded_once_and_listed_when_all_are_whole(tmp_path, chartfeed):
    reader = tmp_path / "reader"
    reader.write_text("Aa1!" + secrets.token_urlsafe(12))
    centers = tmp_path / "centers.yml"
    with running(tmp_path / "server") as server:
        words = ["practices", "--server", f"127.0.0.1,{server.port}"]
        words += ["--password-file", tmp_path / "server" / "password"]
        words += ["--reader-password-file", reader, "--centers", centers]
        words += ["--count", "1", "--patients", "10", "--trust-server-certificate"]
        first, second = chartfeed(*words), chartfeed(*words)
        config = tmp_path / "chartfeed.yml"
        config.write_text(
            "sqlserver: {password_file: reader, trust_server_certificate: true}\nmappings: m/\n"
        )
        found = chartfeed("--config", config, "discover", "center_01")

    assert "2 of 2 practices loaded" in first.stdout
    assert "0 of 2 practices loaded" in second.stdout
    assert "center_01" in found.stdout
    assert 2 == centers.read_text("utf-8").count("id: center_")
    assert reader.read_text() not in first.stdout + first.stderr
