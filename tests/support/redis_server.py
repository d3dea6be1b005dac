"""Where the tests find Redis, and whether it is there."""

import os
import socket

import pytest

REDIS = (
    os.environ.get("TEST_REDIS_HOST", "127.0.0.1"),
    int(os.environ.get("TEST_REDIS_PORT", 6379)),
)


def redis_is_there() -> None:
    """Skip the test where there is no Redis; in CI that is an error."""
    try:
        socket.create_connection(REDIS, timeout=2).close()
    except OSError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis at {REDIS[0]}:{REDIS[1]}")
