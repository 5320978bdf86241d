"""`python -m deploy.sbom FILE` adds the console's script to a bill of materials of packages."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from producers import files

__all__ = ["complete"]

HTMX: Final = (
    Path(__file__).parents[1] / "chartfeed" / "console" / "static" / "htmx" / "htmx.min.js"
)
VERSION: Final = re.compile(rb'version:"([0-9.]+)"')


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Give the document with the console's script, by the version that it names itself."""
    content = HTMX.read_bytes()
    found = VERSION.search(content)
    if found is None:
        raise ValueError(f"{HTMX} names no version")
    version = found[1].decode()
    script = {
        "bom-ref": "htmx",
        "type": "library",
        "name": "htmx.org",
        "version": version,
        "purl": f"pkg:npm/htmx.org@{version}",
        "licenses": [{"license": {"id": "0BSD"}}],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
    }
    others = [one for one in document["components"] if one["bom-ref"] != script["bom-ref"]]
    return document | {"components": [*others, script]}


if __name__ == "__main__":
    path = Path(sys.argv[1])
    files.replace(path, json.dumps(complete(json.loads(path.read_bytes())), indent=2) + "\n")
