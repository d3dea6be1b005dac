"""A progress bar on a terminal, for long work."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Progress:
    """The progress of the work; without a bar, all methods do nothing.

    Args:
        bar: A tqdm bar, or ``None``.
    """

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar

    def advance(self, number: int = 1) -> None:
        """Add a number of finished items.

        Args:
            number: The number of items.
        """
        if self._bar is not None:
            with self._unless_lost():
                self._bar.update(number)

    def make_room(self) -> None:
        """Remove the bar before other output on the same terminal; the bar comes back."""
        bar = self._bar
        if bar is not None and bar.last_print_t >= bar.start_t + bar.delay:
            with self._unless_lost():
                bar.clear()

    @contextmanager
    def _unless_lost(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):  # the terminal was closed
            self._bar = None


@contextmanager
def progress_bar(
    total: Callable[[], int], unit: str, *, shown: bool, delay: float = 0
) -> Iterator[Progress]:
    """Show on standard error how far the work is, where the extra ``progress`` is installed.

    Args:
        total: Returns the number of all items; called only where there is a bar.
        unit: The counted things, for people.
        shown: Whether a person looks on.
        delay: Seconds of work before the bar appears.
    """
    tqdm = _tqdm() if shown else None
    if tqdm is None:
        yield Progress()
        return
    with tqdm(
        total=total(), unit=f" {unit}", file=sys.stderr, delay=delay, dynamic_ncols=True
    ) as bar:
        yield Progress(bar)


def _tqdm() -> Any:
    try:
        from tqdm import tqdm  # an extra
    except ImportError:
        return None
    return tqdm
