"""The tests that are not repeated on other databases or with other pairs, and why.

Everything that is not listed here is repeated, as far as it can reach a database at all:
``tests/selection.py`` tells how a run chooses.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Difference = Literal["database", "pair"]
DIFFERENCES: tuple[Difference, ...] = get_args(Difference)
DATABASE: frozenset[Difference] = frozenset({"database"})
PAIR: frozenset[Difference] = frozenset({"pair"})
#: Each for itself makes a difference, and another database with another pair makes no third one.
DATABASE_AND_PAIR: frozenset[Difference] = DATABASE | PAIR


@dataclass(frozen=True)
class Independent:
    """Modules of tests to which something makes no difference.

    Attributes:
        of: What makes none.
        modules: Their names.
        reason: Why it makes none.
    """

    of: frozenset[Difference]
    modules: frozenset[str]
    reason: str


INDEPENDENT: tuple[Independent, ...] = ()
