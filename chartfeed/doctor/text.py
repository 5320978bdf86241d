"""A doctor's report for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["centers", "reached", "versions", "whole"]


def whole(report: dict[str, Any]) -> str:
    """Give the report as text, what is wrong marked by an exclamation mark."""
    answers = report["answers"]
    lines = [
        f"chartfeed doctor, {report['at']}",
        "",
        versions(report["versions"]),
        "",
        "Reached",
        *reached(answers),
        "",
        "Topics",
        *_topics(answers["topics"]),
        "",
        "Centers",
        *centers(answers["centers"]),
        "",
        "Dead letters, the last of each partition",
        *_letters(answers["dead letters"]),
        "",
        "Workers' state on this machine",
        *_state(report["state"]),
        "",
        "Room",
        *_disks(report["disks"]),
    ]
    if report["log"] is not None:
        lines += ["", "Log", *_log(report["log"], report["log_lines_read"])]
    lines += ["", "Configuration: see --json; what is not known to be harmless is left out."]
    return "\n".join(lines) + "\n"


def versions(found: dict[str, Any]) -> str:
    """Give the versions alone."""
    short = ("chartfeed", "python", "system", "distribution", "librdkafka", "odbc_driver")
    return "\n".join(["Versions", *(f"    {name}: {found[name]}" for name in short)])


def _line(text: str, *, good: bool = True) -> str:
    return f"{'   ' if good else '  !'} {text}"


def _failed(answer: dict[str, Any]) -> str:
    failure = dict(answer["failure"])
    following = failure.pop("next", None)
    text = " ".join(str(value) for value in failure.values())
    return text if following is None else f"{text}; next: {following}"


def reached(answers: dict[str, Any]) -> Iterator[str]:
    """Give a line for each that was asked: its answer, or that there was none."""
    for name, answer in answers.items():
        if not answer["reached"]:
            yield _line(f"{name}: {_failed(answer)}", good=False)
            continue
        found = answer["found"]
        text = f"{name}: {answer['seconds']:.1f} s"
        if name.startswith("source "):
            ahead = found["clock_ahead_seconds"]
            yield _line(
                f"{text}, server {found['server_version']}, clock {ahead:+z.1f} s",
                good=abs(ahead) < 60,
            )
        elif name == "stream":
            workers, behind = found["workers"], found["lag_events"]
            yield _line(f"{text}, {workers} workers, {behind} records behind")
        else:
            yield _line(text)


def _topics(answer: dict[str, Any]) -> Iterator[str]:
    if not answer["reached"]:
        yield _line("not known", good=False)
        return
    if not answer["found"]["differences"]:
        yield _line("all as declared")
    for difference in answer["found"]["differences"]:
        yield _line(difference, good=False)
    for following in answer["found"]["next"]:
        yield _line(f"    next: {following}")


def centers(answer: dict[str, Any]) -> Iterator[str]:
    """Give a line for each center, and the next command of one that needs somebody."""
    if not answer["reached"]:
        yield _line("not known", good=False)
        return
    for center in answer["found"]:
        facts = [
            center["state"],
            "approved" if center["mapping"] == "approved" else "no approved mapping",
            *_position(center),
            f"{center['dead_letters']} dead letters",
            f"{center['restarts']} restarts",
        ]
        good = not center["needs_somebody"]
        yield _line(f"{center['center_id']}: {', '.join(facts)}", good=good)
        if center["next_command"] is not None and not good:
            yield _line(f"    next: {center['next_command']}")


def _position(center: dict[str, Any]) -> Iterator[str]:
    version, source, lag = (center[key] for key in ("version", "source_version", "lag_seconds"))
    if version is None:
        yield "no position yet"
        return
    yield f"version {version}" if source is None else f"version {version} of {source}"
    yield "lag not known" if lag is None else f"lag {lag:.1f} s"


def _letters(answer: dict[str, Any]) -> Iterator[str]:
    if not answer["reached"]:
        yield _line("not known", good=False)
        return
    for found in answer["found"]:
        where = " ".join(str(found[key]) for key in ("stage", "center_id", "table") if found[key])
        yield _line(f"{found['count']} {found['reason']}: {where}, last {found['last']}")
    if not answer["found"]:
        yield _line("none")


def _state(state: list[dict[str, Any]]) -> Iterator[str]:
    for worker in state:
        size = sum(file["bytes"] for file in worker["files"])
        facts = [
            "at work" if worker["at_work"] else "not at work",
            f"{len(worker['files'])} files, {_bytes(size)}",
        ]
        if worker["put_aside"]:
            facts.append(f"{worker['put_aside']} put aside")
        if worker["rebuilt_waiting"]:
            facts.append("a rebuilt state waits for its next start")
        unreadable = [file["file"] for file in worker["files"] if "unreadable" in file]
        if unreadable:
            facts.append(f"can't be read: {', '.join(unreadable)}")
        yield _line(f"{worker['worker']}: {', '.join(facts)}", good=not unreadable)
    if not state:
        yield _line("none")


def _disks(disks: dict[str, Any]) -> Iterator[str]:
    for name, found in disks.items():
        if isinstance(found, str):
            yield _line(f"{name}: {found}", good=False)
            continue
        free, total = found["free_bytes"], found["total_bytes"]
        text = f"{name}: {_bytes(free)} of {_bytes(total)} are free"
        yield _line(text, good=free > total / 20)


def _log(lines: list[dict[str, Any]], read: int) -> Iterator[str]:
    if not read:
        yield _line("no line of this file is JSON", good=False)
        return
    for found in lines:
        said = found["event"] or found["library"] or "a line"
        tail = f" ({found['exception']})" if found["exception"] else ""
        yield _line(f"{found['level']}: {said}{tail}, {found['count']} times, last {found['last']}")
    if not lines:
        yield _line("no warnings and no errors")


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
