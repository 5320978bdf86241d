"""What a reviewer has answered so far, at the keyboard or in a browser, and the command for it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from producers import canonical, choices
from producers.choices import Choices
from producers.mapping import ColumnMapping, Mapping, Rival
from schemas.errors import BadInput

__all__ = ["NOTHING", "UNMAPPED", "Answers", "given", "unmapped"]

UNMAPPED = "unmapped by the reviewer"


@dataclass(frozen=True, slots=True)
class Answers:
    """Names and live values by point, in the order they were given, and the columns left open."""

    names: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names or self.unset)

    def noted(self, point: str, answer: str) -> Answers:
        """Give the answers with one more; what it makes meaningless falls away."""
        kept = self.without(point)
        return replace(kept, names=(*kept.names, (point, answer)))

    def left_open(self, point: str) -> Answers:
        """Give the answers with a column that gets no name."""
        if point.count(".") != 1:
            raise BadInput(f"{point} is no column", hint="--unset PATIENT.P_NAME")
        choices.parse([f"{point}=-"])
        kept = self.without(point)
        return replace(kept, unset=(*kept.unset, point))

    def without(self, point: str) -> Answers:
        """Give the answers without one, and without those that hang on it."""
        return Answers(
            tuple((at, answer) for at, answer in self.names if not _hangs_on(at, point)),
            tuple(at for at in self.unset if not _hangs_on(at, point)),
        )

    def texts(self) -> list[str]:
        """Give the answers as `given` takes them."""
        return [*self.settings(), *(f"{point}=" for point in self.unset)]

    def settings(self) -> list[str]:
        """Give the answers as `--set` takes them."""
        return [f"{point}={answer}" for point, answer in self.names]

    def choices(self) -> Choices:
        """Give the answers as choices, or say which of them is none."""
        return choices.parse(self.settings())

    def command(self, center: str, reviewer: str = "NAME") -> str:
        """Give the command that approves a center with all these answers at once."""
        words = ["chartfeed", "approve", center, "--reviewer", reviewer]
        for one in self.settings():
            words += ["--set", one]
        for point in self.unset:
            words += ["--unset", point]
        return shlex.join(words)


NOTHING = Answers()


def _hangs_on(point: str, changed: str) -> bool:
    return changed in {"schema", point} or point.startswith(f"{changed}.")


def given(settings: Iterable[str], unset: Iterable[str] = ()) -> Answers:
    """Give answers from `POINT=NAME` texts, later ones over earlier ones; `POINT=` is for none."""

    def note(answers: Answers, setting: str) -> Answers:
        point, equals, answer = setting.partition("=")
        if equals and not answer:
            return answers.left_open(point)
        choices.parse([setting])
        return answers.noted(point, answer)

    return reduce(Answers.left_open, unset, reduce(note, settings, NOTHING))


def unmapped(mapping: Mapping, points: Sequence[str]) -> Mapping:
    """Give the mapping with columns left open, and what each was as its first rival."""
    tables = dict(mapping.tables)
    for point in points:
        role, _, key = point.partition(".")
        if key not in canonical.TABLES.get(role, {}):
            continue
        columns = dict(tables[role].columns)
        columns[key] = _open(columns[key])
        tables[role] = replace(tables[role], columns=columns)
    return replace(mapping, tables=tables)


def _open(column: ColumnMapping) -> ColumnMapping:
    rivals = tuple(rival for rival in column.rivals if rival.name != column.name)
    if column.name is not None:
        rivals = (Rival(column.name, column.confidence, column.evidence), *rivals)
    return ColumnMapping(None, evidence=(UNMAPPED,), rivals=rivals)
