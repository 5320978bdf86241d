"""How far a review has come: what was answered and looked at. It lives in the page's address.

So it outlives the process, the browser's back button takes the last answer back, and two
reviewers of one center don't meet before they approve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chartfeed import answers
from chartfeed.answers import NOTHING, Answers
from producers import canonical, review
from producers.mapping import Mapping
from schemas.errors import BadInput

__all__ = ["START", "Course", "of"]


@dataclass(frozen=True, slots=True)
class Course:
    """Answers, and the points that were looked at and kept."""

    answers: Answers = NOTHING
    looked: tuple[str, ...] = ()

    def after(self, text: str) -> Course:
        """Give the course after one more: POINT kept, POINT=NAME, POINT= open, -POINT anew."""
        if text.startswith("-"):
            return self._without(text[1:])
        if "=" not in text:
            return replace(self, looked=(*self._without_looked(text), _known(text)))
        point = text.partition("=")[0]
        given = answers.given([*self.answers.texts(), text])
        return Course(given, self._without_looked(point, hanging=True))

    def texts(self) -> list[str]:
        """Give what `of` makes the same course of."""
        return [*self.answers.texts(), *self.looked]

    def done(self) -> list[str]:
        """Give the points that are settled."""
        given = [point.removesuffix(".live") for point, _ in self.answers.names]
        return list(dict.fromkeys([*given, *self.answers.unset, *self.looked]))

    def next_point(self, mapping: Mapping, failed: Sequence[str] = ()) -> str | None:
        """Give the point to look at next, as `chartfeed review` would; None where none is left."""
        step = review.next_step(mapping, self.done(), failed)
        return None if step is None else step.point

    def left(self, mapping: Mapping) -> list[str]:
        """Give all points that nobody has looked at and that need it."""
        done = self.done()
        found: list[str] = []
        while (step := review.next_step(mapping, [*done, *found])) is not None:
            found.append(step.point)
        return found

    def _without(self, point: str) -> Course:
        return Course(self.answers.without(point), self._without_looked(point, hanging=True))

    def _without_looked(self, point: str, *, hanging: bool = False) -> tuple[str, ...]:
        if point == "schema" and hanging:
            return ()
        return tuple(
            one
            for one in self.looked
            if one != point and not (hanging and one.startswith(f"{point}."))
        )


START = Course()


def _known(point: str) -> str:
    role, _, key = point.partition(".")
    if point != "schema" and (role not in canonical.TABLES or (key and key not in _columns(role))):
        raise BadInput(f"there is no {point}", hint="begin the review anew")
    return point


def _columns(role: str) -> Iterable[str]:
    return canonical.TABLES[role]


def of(texts: Iterable[str]) -> Course:
    """Give the course that the texts tell, in their order; raise BadInput for one that is none."""
    course = START
    for text in texts:
        course = course.after(text)
    return course
