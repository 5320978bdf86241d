"""The documents as their reader takes them: commands, links, headings and names of files.

A block that begins with ```console is typed as it is printed, line by line behind `$ `; where it
begins with ```console run, a test types it for real.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["DOCUMENTS", "ROOT", "Command", "anchors", "commands", "links", "mentioned", "paths"]

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = (
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "decisions" not in path.parts),
)
BLOCK: Final = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOP: Final = "bench|chartfeed|deploy|docs|producers|schemas|stream_app|tests"


@dataclass(frozen=True, slots=True)
class Command:
    """A line of a block: what is typed behind the prompt, comments and redirections left out."""

    document: Path
    words: tuple[str, ...]
    runs: bool

    def __str__(self) -> str:
        return f"{self.document.name}: {shlex.join(self.words)}"


def commands(document: Path) -> Iterator[Command]:
    """Give every command line of the document's console blocks."""
    for kind, block in BLOCK.findall(document.read_text("utf-8")):
        if not kind.startswith("console"):
            continue
        for line in re.findall(r"^\$ (.*)$", block.replace("\\\n", " "), re.MULTILINE):
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            for at, word in enumerate(words):
                if set(word) <= set("<>|&;"):
                    del words[at:]
                    break
            yield Command(document, tuple(words), runs="run" in kind.split())


def prose(document: Path) -> str:
    return BLOCK.sub("", document.read_text("utf-8"))


def mentioned(document: Path) -> Iterator[str]:
    """Give what stands between backticks in the text, over the ends of lines too."""
    for found in re.findall(r"`([^`]+)`", prose(document)):
        yield " ".join(found.split())


def paths(document: Path) -> Iterator[str]:
    """Give the files and folders of this repository that the text names."""
    for found in mentioned(document):
        if re.fullmatch(rf"(?:{TOP})/[\w./-]*", found):
            yield found


def links(document: Path) -> Iterator[tuple[str, str]]:
    """Give the relative links as a path, empty for this document, and an anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(document: Path) -> set[str]:
    """Give the anchors of a document's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE):
        text = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        number = 0
        while (slug := f"{text}-{number}" if number else text) in found:
            number += 1
        found.add(slug)
    return found
