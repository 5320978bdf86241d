"""`python -m deploy.local.sqlserver`: the stand-in as a process."""

from __future__ import annotations

import argparse
import logging
import signal
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.sqlserver import certificate
from deploy.local.sqlserver.instance import Instance
from deploy.local.sqlserver.server import Server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.sqlserver", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of the databases")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--password-file", type=Path, required=True, help="holds sa's password")
    parser.add_argument("--ready-file", type=Path, help="written once the port is open")
    parser.add_argument("--tls-cert", type=Path, help="PEM; made in the home where absent")
    parser.add_argument("--tls-key", type=Path, help="PEM; made in the home where absent")
    parser.add_argument("--owner", type=int, help="end when the process of this id ends")
    parser.add_argument("--no-tls", action="store_true", help="never encrypt")
    options = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    home: Path = options.home
    home.mkdir(parents=True, exist_ok=True)
    password = options.password_file.read_text(encoding="utf-8").rstrip("\r\n")
    context = None
    if not options.no_tls:
        shown = options.tls_cert or home / "server.crt"
        key = options.tls_key or home / "server.key"
        if not shown.exists() and not key.exists():
            certificate.generate(shown, key, now=datetime.now(UTC))
        context = certificate.context(shown, key)
    server = Server(
        Instance(home, password), host=options.host, port=options.port, certificate=context
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    if options.ready_file is not None:
        server.announce(options.ready_file)
    logging.getLogger(__name__).info("listening on %s port %d", options.host, server.port)
    server.run(options.owner)


if __name__ == "__main__":
    main()
