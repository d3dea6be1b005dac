"""Delivering elsewhere than to providers: a test's outbox takes what would have gone out.

One for the whole process, as targets are delivered to in threads of their own.
"""

from collections.abc import Callable, Iterable, Iterator

from ...models import Notification, NotificationTarget
from ...outcome import Outcome

Deliver = Callable[[Iterable[Notification]], Iterator[Outcome]]
#: Given a handler's function and its target, returns what is to deliver instead.
Diversion = Callable[[Deliver, NotificationTarget], Deliver]

_diversions: list[Diversion] = []


def begin_diversion(diversion: Diversion) -> None:
    """Let this deliver in place of all handlers, until it is ended; the last one begun counts."""
    _diversions.append(diversion)


def end_diversion(diversion: Diversion) -> None:
    """Let deliver again what did before."""
    _diversions.remove(diversion)


def is_diverted() -> bool:
    """Tell whether nothing reaches a provider."""
    return bool(_diversions)


def diverted(deliver: Deliver, target: NotificationTarget) -> Deliver:
    """Return what delivers a target's notifications: mostly its handler's own function.

    Args:
        deliver: The handler's function.
        target: Whose handler.
    """
    return _diversions[-1](deliver, target) if _diversions else deliver
