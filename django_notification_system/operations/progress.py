"""A bar on a terminal, for work that takes a while."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def tqdm_class() -> Any:
    """Return what draws bars, or ``None`` where the extra ``progress`` is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm


@contextmanager
def progress_bar(
    total: Callable[[], int], unit: str, *, shown: bool
) -> Iterator[Callable[[int], object]]:
    """Give a function that moves a bar on standard error; without a bar, it does nothing.

    Args:
        total: Counts how many there are in all; called only where there is a bar.
        unit: What is counted, for people.
        shown: Whether a person looks on.
    """
    tqdm = tqdm_class() if shown else None
    if tqdm is None:
        yield lambda number: None
        return
    with tqdm(total=total(), unit=f" {unit}", file=sys.stderr) as bar:
        yield bar.update
