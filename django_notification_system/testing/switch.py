"""Switching an outbox on and off."""

from django.test.utils import TestContextDecorator

from ..delivery.handlers.outbox_hook import add_outbox_hook, remove_outbox_hook
from .outbox import Outbox

_outboxes: list[Outbox] = []


class use_outbox(TestContextDecorator):  # noqa: N801 # used as a function, as override_settings
    """Let an outbox accept the messages of all runs of this process, in place of the providers.

    A context manager, and a decorator of test functions and of ``TestCase`` classes::

        with use_outbox() as outbox:
            ...

    An inner outbox replaces an outer outbox until the inner ends.

    Args:
        attr_name: The attribute of a decorated class for the outbox.
        kwarg_name: The argument of a decorated function for the outbox.
    """

    def __init__(self, attr_name: str | None = None, kwarg_name: str | None = None) -> None:
        super().__init__(attr_name, kwarg_name)
        self._enabled: list[Outbox] = []

    def enable(self) -> Outbox:
        """Begin, with an empty outbox."""
        outbox = Outbox()
        self._enabled.append(outbox)
        _outboxes.append(outbox)
        add_outbox_hook(outbox.hook)
        return outbox

    def __enter__(self) -> Outbox:  # type: ignore[override] # the stubs know Django's own uses
        return self.enable()

    def disable(self) -> None:
        """End; the outbox in use before, if any, is in use again."""
        outbox = self._enabled.pop()
        _outboxes.remove(outbox)
        remove_outbox_hook(outbox.hook)


def outbox_in_use() -> Outbox:
    """Return the outbox in use.

    Raises:
        RuntimeError: When no outbox is in use.
    """
    if not _outboxes:
        raise RuntimeError(
            "No outbox is switched on. Wrap the test in use_outbox(), or let it use the fixture"
            " notification_outbox."
        )
    return _outboxes[-1]
