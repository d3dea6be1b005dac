"""For the tests of projects: an outbox in memory, and stand-ins for providers on real sockets.

The names below are imported on first use: the stand-ins run without Django's settings.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .assertions import assert_not_notified as assert_not_notified
    from .assertions import assert_notified as assert_notified
    from .outbox import Outbox as Outbox
    from .outbox_message import OutboxMessage as OutboxMessage
    from .rendering import render as render
    from .switch import use_outbox as use_outbox

__all__ = [
    "Outbox",
    "OutboxMessage",
    "assert_not_notified",
    "assert_notified",
    "render",
    "use_outbox",
]


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name in ("assert_not_notified", "assert_notified"):
        from . import assertions

        return getattr(assertions, name)
    if name == "Outbox":
        from .outbox import Outbox

        return Outbox
    if name == "OutboxMessage":
        from .outbox_message import OutboxMessage

        return OutboxMessage
    if name == "render":
        from .rendering import render

        return render
    if name == "use_outbox":
        from .switch import use_outbox

        return use_outbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
