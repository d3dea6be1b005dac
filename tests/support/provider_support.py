"""Shared by the tests of text messages and of push notifications."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)

Process = Callable[..., str]

#: Hosts and prefixes of ``base_url``.
HOSTS_AND_PREFIXES = [
    ("127.0.0.1", ""),
    ("127.0.0.1", "/"),
    ("localhost", ""),
    ("127.0.0.1", "/proxy/provider"),
    ("127.0.0.1", "/proxy/provider/"),
]


def change_target(settings: Any, name: str, changes: dict[str, Any]) -> None:
    """Change the settings of a target."""
    targets = settings.NOTIFICATION_SYSTEM_TARGETS
    settings.NOTIFICATION_SYSTEM_TARGETS = {**targets, name: {**targets[name], **changes}}


def refused(answer: Answer) -> Callable[[ReceivedRequest], Answer]:
    """Return an ``on_request`` that refuses every request."""
    return lambda request: answer


@contextmanager
def provider_on_ipv6() -> Iterator[ProviderStandIn]:
    """A stand-in at an IPv6 address; without IPv6, the test is skipped."""
    stand_in = ProviderStandIn(host="::1")
    try:
        stand_in.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        yield stand_in
    finally:
        stand_in.stop()
