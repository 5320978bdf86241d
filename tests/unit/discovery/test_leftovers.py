"""An exact name on a leftover never gives a sure name, however the live ones are named."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from producers import canonical
from producers.discovery.evidence import SURE
from tests.unit.discovery.in_memory import Center, confidences, names
from tests.unit.discovery.schemas import ROWS, TABLES, center, five
from tests.unit.discovery.test_properties import few, mixed, nameless, seeds, suffixed

Naming = Callable[[int], dict[str, str]]
namings = st.sampled_from([mixed, nameless, suffixed])
roles = st.sampled_from(list(canonical.TABLES))
points = st.sampled_from([point for point in canonical.columns() if point[1] != "ID"])


def sure_and_wrong(made: Center, renamed: dict[str, str]) -> dict[str, str | None]:
    mapping = made.propose()
    said, sure = names(mapping), confidences(mapping)
    return {
        point: said[point]
        for point in renamed
        if said[point] != renamed[point] and sure[point] >= SURE
    }


@few
@given(seeds, namings, roles, st.sampled_from([0, 1, 5, 10]), st.booleans())
def test_a_table_that_is_left_over_is_not_sure(
    seed: int,
    naming: Naming,
    role: str,
    part: int,
    clean: bool,  # noqa: FBT001 - drawn
) -> None:
    renamed = naming(seed)
    assume(renamed[role] != role)
    of_columns = {} if clean else {point: name for point, name in renamed.items() if "." in point}
    left = next(plan for plan in five(of_columns) if plan.name == role)
    rows = ROWS[role] // part if part == 10 else part
    made = center([*five(renamed), replace(left, rows=rows)], seed)
    assert sure_and_wrong(made, renamed) == {}


@few
@given(seeds, namings, points)
def test_a_column_that_is_left_over_is_not_sure(
    seed: int, naming: Naming, point: tuple[str, str]
) -> None:
    role, key = point
    renamed = naming(seed)
    plans = five(renamed)
    live = next(plan for plan in plans if plan.name == renamed[role])
    assume(key not in {name for name, _, _ in live.columns})
    left = (key, TABLES[role][key], "nothing")
    plans = [
        replace(plan, columns=(*plan.columns, left)) if plan is live else plan for plan in plans
    ]
    assert sure_and_wrong(center(plans, seed), renamed) == {}
