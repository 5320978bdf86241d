"""The one rule of confidence."""

import pytest

from producers.discovery.evidence import CEILINGS, SURE, Evidence, combined, of_name
from producers.discovery.names import Match


def test_evidence_removes_a_part_of_the_doubt_that_is_left() -> None:
    assert combined([Evidence("a", 0.5), Evidence("b", 0.4)], Match.EXACT) == 0.7


def test_what_speaks_against_it_leaves_a_part() -> None:
    assert combined([Evidence("a", 0.8), Evidence("b", -0.5)], Match.EXACT) == 0.4


@pytest.mark.parametrize("match", list(Match))
def test_no_evidence_goes_over_the_ceiling_of_the_name(match: Match) -> None:
    pieces = [of_name(match), *(Evidence("fits", 0.9) for _ in range(5))]
    assert combined(pieces, match) <= CEILINGS[match]


def test_only_names_that_mean_one_thing_can_be_sure() -> None:
    sure = {match for match in Match if CEILINGS[match] >= SURE}
    assert sure == {Match.EXACT, Match.SUFFIX, Match.SYNONYM, Match.SYNONYM_SUFFIX}
