"""Which of many similar cases a test takes by day."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from tests.nightly import NIGHTLY

Case = TypeVar("Case")


def one_of_each(cases: Iterable[Case], kind: Callable[[Case], Hashable]) -> list[Case]:
    """Return the first case of each kind; at night all cases.

    Args:
        cases: The cases.
        kind: Tells the kind of a case.
    """
    listed = list(cases)
    if NIGHTLY:
        return listed
    firsts: dict[Hashable, Case] = {}
    for case in listed:
        firsts.setdefault(kind(case), case)
    return list(firsts.values())
