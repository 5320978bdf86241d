"""`make bench`: run every measurement here, one after the other, and say which missed its goal.

Options that are not its own are those of the measurements that are named.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(names())}; all if none is given")
    given, options = parser.parse_known_args()
    chosen = given.names or names()
    if unknown := set(chosen) - set(names()):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    missed = []
    for name in chosen:
        print(f"\n## {name}", flush=True)
        variables = os.environ | {"PYTHONPATH": str(HERE.parent)}
        if subprocess.run(
            [sys.executable, HERE / f"{name}.py", *options], env=variables, check=False
        ).returncode:
            missed.append(name)
    print(f"\nmissed or failed: {', '.join(missed)}" if missed else "\nall goals are met")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
