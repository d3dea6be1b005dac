"""The hook of a test's outbox, which takes messages in the providers' place.

One hook for the whole process, because every target is delivered in a thread of its own.
"""

from collections.abc import Callable, Iterable, Iterator

from ...models import Notification, NotificationTarget
from ...outcome import Outcome

Deliver = Callable[[Iterable[Notification]], Iterator[Outcome]]
#: Takes a handler's function and the target; returns the function to call instead.
Diversion = Callable[[Deliver, NotificationTarget], Deliver]

_diversions: list[Diversion] = []


def begin_diversion(diversion: Diversion) -> None:
    """Deliver by this hook in place of all handlers, until removed; the newest hook counts."""
    _diversions.append(diversion)


def end_diversion(diversion: Diversion) -> None:
    """Remove the hook: the hook before, or the handlers, deliver again."""
    _diversions.remove(diversion)


def is_diverted() -> bool:
    """Return whether a hook keeps messages from the providers."""
    return bool(_diversions)


def diverted(deliver: Deliver, target: NotificationTarget) -> Deliver:
    """Return the function that delivers a target's notifications: the handler's own, or the hook's.

    Args:
        deliver: The handler's function.
        target: The handler's target.
    """
    return _diversions[-1](deliver, target) if _diversions else deliver
