"""The promises hold when everything breaks: the short form of ``python -m benchmarks.chaos``."""

import pytest

from benchmarks.chaos.scenarios import SCENARIOS
from benchmarks.chaos.storm import Figures, storm
from tests.settings import TEST_DATABASE

#: Then a scenario is broken off, and fails. On a quiet machine a scenario takes some 20.
SECONDS = 300


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_promised_holds(name: str) -> None:
    scenario, _, number = SCENARIOS[name]
    figures = Figures(name, TEST_DATABASE)
    with storm(figures, seed=20261128, seconds=SECONDS) as made:
        scenario(made, number)
    assert figures.is_good, figures
