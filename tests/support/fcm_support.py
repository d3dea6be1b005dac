"""Shared by the tests of push messages through FCM."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from google.auth.crypt import RSASigner

from django_notification_system.testing.exchange import Answer
from django_notification_system.testing.fcm_api import error_answer
from tests.support.provider_support import change_target

TOKEN = "eggs:planted-token"  # a device's
TOKEN_PATH = "/token"  # a URL's
SENDS = ":send"


def configure(settings: Any, **changes: Any) -> None:
    """Change the FCM target's settings."""
    change_target(settings, "fcm", changes)


def fcm_error(status: int, code: str, message: str = "No.", *further: dict[str, Any]) -> Answer:
    """Return an error in FCM's form."""
    return error_answer(status, "ERROR", message, code, *further)


@contextmanager
def key_checked_once() -> Iterator[None]:
    """Let google-auth check a key's primes once, which takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RSASigner, "from_string", staticmethod(cache(RSASigner.from_string)))
        yield
