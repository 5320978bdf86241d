"""What a client shows a registry, over plain HTTP and over TLS."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chartfeed.password import Secret
from deploy.local.sqlserver import certificate
from producers.registry import Access, Registry
from schemas.errors import BadInput, Outside

DUE = "Basic bWU6dG9wc2VjcmV0"
LOGIN = Access(user="me", password=Secret("topsecret"))


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("Authorization") == DUE
        content = json.dumps({"schema": '"string"'} if known else {"message": "no"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Keep the tests' output to itself."""


@contextmanager
def a_registry(folder=None):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        scheme = "http"
        if folder is not None:
            ca, key = folder / "ca.pem", folder / "key.pem"
            certificate.generate(ca, key, now=datetime.now(UTC))
            context = certificate.context(ca, key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{scheme}://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_login_is_shown():
    with a_registry() as url:
        assert "string" == Registry(url, LOGIN).schema(7)


def test_a_login_that_is_refused_is_told_without_being_shown():
    with a_registry() as url, pytest.raises(Outside, match="does not accept the login") as caught:
        Registry(url, Access(user="me", password=Secret("wrongsecret"))).schema(7)

    assert "wrongsecret" not in str(caught.value) + repr(caught.value.fields)


def test_a_registry_is_trusted_by_its_certificate_alone(tmp_path):
    with a_registry(tmp_path) as url:
        trusting = Access("me", LOGIN.password, ca_file=str(tmp_path / "ca.pem"))

        assert "string" == Registry(url, trusting).schema(7)
        with pytest.raises(Outside, match="CERTIFICATE_VERIFY_FAILED"):
            Registry(url, LOGIN).schema(7)


def test_certificates_that_are_not_there_are_named():
    with pytest.raises(BadInput, match=r"nowhere\.pem"):
        Registry("https://registry.example", Access(ca_file="nowhere.pem"))
