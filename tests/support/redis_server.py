"""The tests' Redis."""

import os
import socket

import pytest

REDIS = (
    os.environ.get("TEST_REDIS_HOST", "127.0.0.1"),
    int(os.environ.get("TEST_REDIS_PORT", 6379)),
)


def redis_is_there() -> None:
    """Skip the test without Redis; in CI fail."""
    try:
        socket.create_connection(REDIS, timeout=2).close()
    except OSError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis at {REDIS[0]}:{REDIS[1]}")
