"""A run as ``--watch`` makes it, that searches for due rows when a test says so."""

from collections.abc import Callable

from django_notification_system.delivery.claims.targets import targets_named
from django_notification_system.delivery.runs.rests import Rests
from django_notification_system.delivery.runs.run import Run
from django_notification_system.delivery.runs.sources import WatchSource


def watching_run(is_more_due: Callable[[], bool]) -> Run:
    """Return a run that asks again and again, while it is at work, whether to search."""
    source = WatchSource(
        targets_named((), using="default"),
        using="default",
        is_stopping=lambda: False,
        is_more_due=is_more_due,
        rests=Rests(lambda problem: None),
    )
    return Run(source=source)
