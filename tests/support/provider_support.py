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

#: For an answer that comes.
PATIENCE_SECONDS = 20
#: For an answer that does not come: the test waits for all of it. Other answers, such as an access
#: token, may have to come within the same time.
SILENCE_SECONDS = 2

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


def time_limit(answer: Answer) -> float:
    """Return the ``timeout`` of a target for a test with an answer, in seconds.

    A busy machine answers late, so only an answer that must not come in time has a short limit.
    """
    return SILENCE_SECONDS if answer.delay else PATIENCE_SECONDS


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
