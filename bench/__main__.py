"""`make bench`: run every measurement here, one after the other, and say which missed its goal.

Options that are not its own are those of the measurements that are named.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import _gathered
from bench._figures import GATHERED

HERE = Path(__file__).parent
RESULTS = HERE.parent / ".chartfeed" / "bench.json"
DOCUMENT = HERE.parent / "docs" / "measured.md"
PICTURE = Path("images") / "measured.svg"


def names() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names())}; all if none is given")
    parser.add_argument(
        "--document", action="store_true", help=f"write docs/{DOCUMENT.name} and its picture anew"
    )
    given, options = parser.parse_known_args()
    chosen = given.names or names()
    if unknown := set(chosen) - set(names()):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    about = _gathered.machine()
    print(", ".join(about.values()))
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        gathered = Path(folder) / "sections.jsonl"
        gathered.touch()
        for name in chosen:
            print(f"\n## {name}", flush=True)
            done = subprocess.run(
                [sys.executable, HERE / f"{name}.py", *options],
                env=os.environ | {"PYTHONPATH": str(HERE.parent), GATHERED: str(gathered)},
                check=False,
            )
            if done.returncode:
                failed.append(name)
            # After each, so that a run that is cut short has told what it knows.
            _write(_gathered.parts(gathered), about, document=given.document)
    print(f"\nall figures: {RESULTS}")
    print(f"missed or failed: {', '.join(failed)}" if failed else "all goals are met")
    return int(bool(failed))


def _write(found: list[_gathered.Part], about: dict[str, str], *, document: bool) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(_gathered.as_json(found, about), encoding="utf-8")
    if document:
        (DOCUMENT.parent / PICTURE).parent.mkdir(exist_ok=True)
        (DOCUMENT.parent / PICTURE).write_text(_gathered.as_picture(found), encoding="utf-8")
        page = _gathered.as_document(found, about, PICTURE.as_posix())
        DOCUMENT.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
