"""For the tests of projects: an outbox in memory, and stand-ins for providers on real sockets.

The names below are imported on first use: the stand-ins run without Django's settings.
"""

from importlib import import_module
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


#: Where each name is.
_MODULES = {
    "Outbox": "outbox",
    "OutboxMessage": "outbox_message",
    "assert_not_notified": "assertions",
    "assert_notified": "assertions",
    "render": "rendering",
    "use_outbox": "switch",
}


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
