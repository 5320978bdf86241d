"""`python -m deploy.probe URL [CA]`: exit 0 if it answers 200, for images that have no curl.

An https address is believed by the certificate or the CA in that file.
"""

from __future__ import annotations

import ssl
import sys
import urllib.error
import urllib.request

__all__ = ["answers"]

PATIENCE = 4.0


def answers(url: str, ca: str | None = None) -> bool:
    """Tell whether a health check's address answers as it should."""
    if not url.startswith(("http://", "https://")):
        return False
    try:
        trusted = ssl.create_default_context(cafile=ca) if ca is not None else None
        with urllib.request.urlopen(url, timeout=PATIENCE, context=trusted) as answer:  # noqa: S310 - no other scheme gets here
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not (len(sys.argv) in {2, 3} and answers(*sys.argv[1:])))
