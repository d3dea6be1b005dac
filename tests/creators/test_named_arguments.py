"""An error names the argument that is wrong, for code."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_notification_system import notify
from django_notification_system.exceptions import InvalidNotification


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("title", ""),
        ("title", "two\nlines"),
        ("title", "x" * 1000),
        ("title", 5),
        ("body", "\x00"),
        ("body", "\ud800"),
        ("priority", "high"),
        ("priority", 10**9),
        ("expires_at", "tomorrow"),
        ("idempotency_key", ""),
        ("idempotency_key", "k" * 1000),
        ("users", "ann"),
        ("target", "Pigeon"),
        ("target", ()),
    ],
)
def test_an_error_names_its_argument(argument: str, value: Any) -> None:
    user = get_user_model().objects.create_user("ann", "ann@example.com")
    given: dict[str, Any] = {"users": user, "title": "t", "body": "b", argument: value}
    with pytest.raises(InvalidNotification) as caught:
        notify(**given)
    assert caught.value.argument == argument
