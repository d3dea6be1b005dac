"""The hook of a test's outbox, which takes messages in the providers' place.

One hook for the whole process, because every target is delivered in a thread of its own.
"""

from collections.abc import Callable, Iterable, Iterator

from ...models import Notification, NotificationTarget
from ...outcome import Outcome

Deliver = Callable[[Iterable[Notification]], Iterator[Outcome]]
#: Takes a handler's function and the target; returns the function to call instead.
OutboxHook = Callable[[Deliver, NotificationTarget], Deliver]

_hooks: list[OutboxHook] = []


def add_outbox_hook(hook: OutboxHook) -> None:
    """Deliver by this hook in place of all handlers, until removed; the newest hook counts.

    Args:
        hook: Returns what delivers, for a handler's function and a target.
    """
    _hooks.append(hook)


def remove_outbox_hook(hook: OutboxHook) -> None:
    """Remove the hook: the hook before, or the handlers, deliver again.

    Args:
        hook: A hook that was added.
    """
    _hooks.remove(hook)


def has_outbox_hook() -> bool:
    """Return whether a hook keeps messages from the providers."""
    return bool(_hooks)


def through_outbox_hook(deliver: Deliver, target: NotificationTarget) -> Deliver:
    """Return the function that delivers a target's notifications: the handler's own, or the hook's.

    Args:
        deliver: The handler's function.
        target: The handler's target.
    """
    return _hooks[-1](deliver, target) if _hooks else deliver
