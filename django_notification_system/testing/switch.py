"""Switching an outbox on and off."""

from django.test.utils import TestContextDecorator

from ..delivery.handlers.outbox_hook import begin_diversion, end_diversion
from .outbox import Outbox

_outboxes: list[Outbox] = []


class use_outbox(TestContextDecorator):  # noqa: N801 # used as a function, as override_settings
    """Let an outbox take, from every run of this process, what would go to a provider.

    A context manager, and a decorator of test functions and of ``TestCase`` classes::

        with use_outbox() as outbox:
            ...

    One within another takes its place.

    Args:
        attr_name: The attribute that a decorated class gets the outbox as.
        kwarg_name: The argument that a decorated function gets the outbox as.
    """

    def __init__(self, attr_name: str | None = None, kwarg_name: str | None = None) -> None:
        super().__init__(attr_name, kwarg_name)
        self._enabled: list[Outbox] = []

    def enable(self) -> Outbox:
        """Begin, with an empty outbox."""
        outbox = Outbox()
        self._enabled.append(outbox)
        _outboxes.append(outbox)
        begin_diversion(outbox.divert)
        return outbox

    def __enter__(self) -> Outbox:  # type: ignore[override] # the stubs know Django's own uses
        return self.enable()

    def disable(self) -> None:
        """End; what was in use before is again."""
        outbox = self._enabled.pop()
        _outboxes.remove(outbox)
        end_diversion(outbox.divert)


def outbox_in_use() -> Outbox:
    """Return the outbox that is switched on.

    Raises:
        RuntimeError: When there is none.
    """
    if not _outboxes:
        raise RuntimeError(
            "No outbox is switched on. Wrap the test in use_outbox(), or let it use the fixture"
            " notification_outbox."
        )
    return _outboxes[-1]
