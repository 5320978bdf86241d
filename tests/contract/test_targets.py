"""Which servers the contract was held against; one that is missing is a skip that says why."""

from __future__ import annotations

import pytest

from tests.contract.conftest import TARGETS, absent


@pytest.mark.parametrize("target", TARGETS)
def test_the_contract_runs_against(target: str) -> None:
    if why := absent(target):
        pytest.skip(f"no case ran against the {target}: {why}")
