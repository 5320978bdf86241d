"""`python -m deploy.probe URL`: exit 0 if it answers 200, for images that have no curl."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

__all__ = ["answers"]

PATIENCE = 4.0


def answers(url: str) -> bool:
    """Tell whether a health check's address answers as it should."""
    if not url.startswith("http://"):
        return False
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - http alone
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not (len(sys.argv) == 2 and answers(sys.argv[1])))
