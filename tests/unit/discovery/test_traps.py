"""Each file under traps/ is a schema in which one thing goes wrong easily."""

import pytest

from tests.unit.discovery.in_memory import confidences, names
from tests.unit.discovery.schemas import TRAPS, Trap, trap


@pytest.fixture(params=sorted(TRAPS.glob("*.yml")), ids=lambda path: path.stem)
def sprung(request: pytest.FixtureRequest) -> Trap:
    return trap(request.param)


def test_a_trap_gives_the_names_it_must(sprung: Trap) -> None:
    said = names(sprung.center.propose())
    assert {point: said[point] for point in sprung.names} == dict(sprung.names)


def test_a_trap_gives_the_rivals_it_must(sprung: Trap) -> None:
    mapping = sprung.center.propose()
    for point, expected in sprung.rivals.items():
        role, _, key = point.partition(".")
        found = mapping.tables[role].columns[key] if key else mapping.tables[role]
        assert sorted(rival.name for rival in found.rivals) == sorted(expected)
        assert found.name is None


def test_a_trap_gives_the_flags_it_must(sprung: Trap) -> None:
    mapping = sprung.center.propose()
    for role, expected in sprung.live.items():
        assert list(mapping.live(role) or ()) == expected


def test_a_trap_is_as_sure_as_it_may(sprung: Trap) -> None:
    sure = confidences(sprung.center.propose())
    assert {point: sure[point] for point, most in sprung.below.items() if sure[point] >= most} == {}
    assert {p: sure[p] for p, least in sprung.above.items() if sure[p] < least} == {}
