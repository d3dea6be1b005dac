"""Whether the server stops: uvicorn waits for open streams, and by default without end."""

import signal


def is_stopping() -> bool:
    """Return whether the server was told to stop; ``False`` for a server that says nothing.

    Django's ASGI application learns of no shutdown. Uvicorn's handler of SIGTERM is a method of the
    server, whose ``should_exit`` is true from then on. Nothing is known of other servers; their own
    limit for a graceful end counts.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True
