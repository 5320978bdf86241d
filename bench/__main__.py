"""`make bench`: run every measurement here, one after the other, and say which missed its goal.

What is quick and matters most comes first. Options that are not its own are those of the
measurements that are named.
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
from bench._order import Step, absent, steps
from bench._pictures import as_curves, as_picture

HERE = Path(__file__).parent
RESULTS = HERE.parent / ".chartfeed" / "bench.json"
DOCUMENT = HERE.parent / "docs" / "measured.md"
PICTURE = Path("images") / "measured.svg"
CURVES = Path("images") / "growth.svg"


def names() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names())}; all if none is given")
    parser.add_argument(
        "--document", action="store_true", help=f"write docs/{DOCUMENT.name} and its pictures anew"
    )
    given, options = parser.parse_known_args()
    if unknown := set(given.names) - set(names()):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    about = _gathered.machine()
    print(", ".join(about.values()))
    failed, begun = [], list[Step]()
    with tempfile.TemporaryDirectory() as folder:
        gathered = Path(folder) / "sections.jsonl"
        gathered.touch()
        for step in steps(given.names, options):
            print(f"\n## {step.title}", flush=True)
            page = ["--document"] if given.document and step.has_page else []
            begun.append(step)
            done = subprocess.run(
                [sys.executable, HERE / f"{step.measurement}.py", *step.options, *page, *options],
                env=os.environ | {"PYTHONPATH": str(HERE.parent), GATHERED: str(gathered)},
                check=False,
            )
            if done.returncode:
                failed.append(step.title)
            # After each, so that a run that is cut short has told what it knows.
            _write(_gathered.parts(gathered), about, begun, document=given.document)
    print(f"\nall figures: {RESULTS}")
    print(f"missed or failed: {', '.join(failed)}" if failed else "all goals are met")
    return int(bool(failed))


def _write(
    found: list[_gathered.Part], about: dict[str, str], begun: list[Step], *, document: bool
) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(_gathered.as_json(found, about), encoding="utf-8")
    if not document:
        return
    folder = DOCUMENT.parent
    (folder / PICTURE).parent.mkdir(exist_ok=True)
    (folder / PICTURE).write_text(as_picture(found), encoding="utf-8")
    curves = as_curves(found, about)
    if curves is not None:
        (folder / CURVES).write_text(curves, encoding="utf-8")
    untried, broken = absent(found, begun)
    page = _gathered.as_document(
        found,
        about,
        picture=PICTURE.as_posix(),
        curves=None if curves is None else CURVES.as_posix(),
        untried=untried,
        broken=broken,
    )
    DOCUMENT.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
