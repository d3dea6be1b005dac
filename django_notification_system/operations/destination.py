"""Where a target's messages go, for people, as its handler's module says."""

from ..delivery.handlers.find import FoundHandler
from ..exceptions import TargetUnavailable
from ..outcome import one_line
from ..printable import without_password


def destination(handler: FoundHandler) -> str:
    """Return the destination of a target's messages; empty where only the handler knows.

    Args:
        handler: The target's handler.

    Raises:
        TargetUnavailable: When a setting is wrong, so that no message could be sent.
    """
    if handler.destination is None:
        return ""
    try:
        return without_password(str(handler.destination()))
    except TargetUnavailable:
        raise
    except Exception as error:  # of a project's own function: the message is sent all the same
        return one_line(error)
