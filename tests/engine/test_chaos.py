"""The promises hold when everything breaks: the short form of ``python -m benchmarks.chaos``."""

from collections.abc import Iterator

import pytest

from benchmarks.chaos.scenarios import SCENARIOS
from benchmarks.chaos.storm import Figures, storm
from tests.nightly import NIGHTLY
from tests.settings import TEST_DATABASE

#: By day test_workers.test_killing_workers_loses_nothing does the same, with more notifications.
AT_NIGHT = {"kills"}
#: The database has no part in these blows: by day they fall on SQLite. On each database,
#: test_interruptions and test_pauses hold the statements of both.
ON_SQLITE_BY_DAY = {"poison", "provider"}
#: Then a scenario is broken off, and fails. On a quiet machine a scenario takes some 20.
SECONDS = 300


def names() -> Iterator[str]:
    """Yield the scenarios of this run: at night all."""
    for name in SCENARIOS:
        is_elsewhere = name in ON_SQLITE_BY_DAY and TEST_DATABASE != "sqlite"
        if NIGHTLY or not (name in AT_NIGHT or is_elsewhere):
            yield name


@pytest.mark.parametrize("name", list(names()))
def test_what_is_promised_holds(name: str) -> None:
    scenario, _, number = SCENARIOS[name]
    figures = Figures(name, TEST_DATABASE)
    with storm(figures, seed=20261128, seconds=SECONDS) as made:
        scenario(made, number)
    assert figures.is_good, figures
