"""A mandatory category passes an opt-out, wherever an opt-out is asked for."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.delivery.outcomes.skip import skip
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.models.opted_out import is_opted_out
from django_notification_system.operations.sending_time import against_sending
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(
        Category("news", label="News"), Category("security", label="Security", mandatory=True)
    ):
        yield


def is_deliverable(notification: Notification) -> bool:
    return Notification.objects.deliverable().filter(pk=notification.pk).exists()


def is_not_skipped(notification: Notification) -> bool:
    return skip(notification) is None


def is_clean(notification: Notification) -> bool:
    try:
        notification.full_clean()
    except ValidationError as error:
        return error.messages != ["This user has opted out of notifications."]
    return True


def is_sendable_by_an_action(notification: Notification) -> bool:
    reasons = against_sending(timezone.now(), "default")
    rows = Notification.objects.filter(pk=notification.pk)
    return not rows.filter(reasons["opted out"]).exists()


def is_heeded(notification: Notification) -> bool:
    return not is_opted_out(notification.target_user_record.user, notification.category)


def is_created(notification: Notification) -> bool:
    user, category = notification.target_user_record.user, notification.category
    return notify(user, "Another", "…", category=category, quiet=True) > 0


@pytest.mark.parametrize(
    "passes",
    [
        is_deliverable,
        is_not_skipped,
        is_clean,
        is_sendable_by_an_action,
        is_heeded,
        is_created,
    ],
)
@pytest.mark.parametrize(
    ("category", "expected"), [("security", True), ("news", False), ("", False), ("gone", False)]
)
def test_a_mandatory_category_passes_an_opt_out_and_no_other_does(
    email: TargetUserRecord,
    make_due: MakeDue,
    passes: Callable[[Notification], bool],
    category: str,
    expected: bool,
) -> None:
    if passes is is_created and category == "gone":
        pytest.skip("notify() refuses an unknown category")
    NotificationOptOut.objects.create(user=email.user)
    notification = make_due(email, category=category, expires_at=timezone.now() + timedelta(1))
    assert passes(Notification.objects.for_delivery().get(pk=notification.pk)) == expected


def test_an_opt_out_leaves_mandatory_messages_waiting(
    email: TargetUserRecord, make_due: MakeDue
) -> None:
    for category in ("security", "news", ""):
        make_due(email, title=f"of {category}", category=category)
    NotificationOptOut.objects.create(user=email.user)
    assert dict(Notification.objects.values_list("title", "status")) == {
        "of security": "SCHEDULED",
        "of news": "OPTED OUT",
        "of ": "OPTED OUT",
    }


def test_without_mandatory_categories_the_statement_is_as_ever(email: Any) -> None:
    with known_categories(Category("news", label="News")):
        statement = str(Notification.objects.deliverable().query).partition("WHERE")[2]
    assert "category" not in statement
    assert "category" in str(Notification.objects.deliverable().query).partition("WHERE")[2]
