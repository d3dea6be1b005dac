"""Which keys of ``extra`` only superusers may set: as the targets describe them."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from django_notification_system.admin.superusers_keys import superusers_keys
from django_notification_system.checks import check_settings
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.models.reserved import QUEUED_MAIL
from django_notification_system.targets import describe
from tests.conftest import MakeDue
from tests.support.admin_site import (
    Records,
    address,
    errors_of,
    form_of,
    new_notification,
    staff_client,
)

EMAILS_FILES = frozenset({"attachments", "template_name"})
EMAILS_DIRECTIONS = frozenset({"cc", "bcc", "reply_to", "headers", QUEUED_MAIL})


@pytest.fixture
def pigeon(user: Any, settings: Any) -> TargetUserRecord:
    """A record in a target whose module declares a key for files and a key for directions."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    target = NotificationTarget.objects.create(name="Pigeon", notification_module_name="courier")
    return TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="north tower", description="Loft"
    )


@pytest.fixture
def staff() -> Client:
    """The browser of a person who may add and change notifications, and is no superuser."""
    return staff_client("add_notification", "change_notification", "view_targetuserrecord")


def test_without_a_target_in_the_database_the_built_in_keys_count(db: None) -> None:
    NotificationTarget.objects.all().delete()
    keys = superusers_keys()
    assert (keys.files, keys.directions) == (EMAILS_FILES, EMAILS_DIRECTIONS)


def test_a_targets_own_keys_are_added(pigeon: TargetUserRecord) -> None:
    keys = superusers_keys()
    assert keys.files == EMAILS_FILES | {"photo"}
    assert keys.directions == EMAILS_DIRECTIONS | {"witness"}


@pytest.mark.parametrize("key", ["photo", "witness", "cc"])
@pytest.mark.parametrize("name", ["Pigeon", "Email"])
def test_the_keys_of_all_targets_are_for_superusers_whatever_the_record(
    key: str, name: str, pigeon: TargetUserRecord, records: Records, staff: Client
) -> None:
    record = pigeon if name == "Pigeon" else records[name]
    url = address(Notification, "add")
    posted = new_notification(record, body="Coo.", extra=json.dumps({key: ["x@example.com"]}))
    assert f"Only superusers may set “{key}” here" in str(errors_of(staff.post(url, posted)))
    assert not Notification.objects.exists()


def test_files_of_an_own_target_stay_with_their_record_and_directions(
    pigeon: TargetUserRecord, records: Records, staff: Client, make_due: MakeDue
) -> None:
    extra = {"photo": "x.png", "witness": "mayor"}
    notification = make_due(pigeon, extra=extra)
    url = address(Notification, "change", notification.pk)
    form = form_of(staff, url)
    assert "target_user_record" not in form
    errors = errors_of(staff.post(url, {**form, "extra": json.dumps({"photo": "x.png"})}))
    assert "Only superusers may set “witness” here" in str(errors)
    assert staff.post(url, {**form, "extra": "{}"}).status_code == 302


def test_stored_files_stay_with_their_record_and_directions(
    records: Records, staff: Client, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], extra={"cc": "c@example.com"}, has_attachments=True)
    url = address(Notification, "change", notification.pk)
    form = form_of(staff, url)
    assert "target_user_record" not in form
    errors = errors_of(staff.post(url, {**form, "extra": "{}"}))
    assert "Only superusers may set “cc” here" in str(errors)


def test_stored_files_alone_stay_with_their_record(
    records: Records, staff: Client, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], extra={}, has_attachments=True)
    url = address(Notification, "change", notification.pk)
    assert "target_user_record" not in form_of(staff, url)


def test_the_parts_of_a_queued_mail_are_for_superusers(records: Records, staff: Client) -> None:
    url = address(Notification, "add")
    extra = json.dumps({QUEUED_MAIL: {"to": ["x@example.com"]}})
    posted = new_notification(records["Email"], body="Coo.", extra=extra)
    assert "Only superusers may set" in str(errors_of(staff.post(url, posted)))


def test_a_module_in_the_place_of_a_built_in_one_takes_no_key_away(
    settings: Any, tmp_path: Path, db: None
) -> None:
    (tmp_path / "email.py").write_text(
        "FILES_IN_EXTRA = ('poster',)\nDIRECTIONS_IN_EXTRA = ()\n"
        "def send_notification(notification): ..."
    )
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    NotificationTarget.objects.get_or_create(name="Email", notification_module_name="email")
    keys = superusers_keys()
    assert (keys.files, keys.directions) == (EMAILS_FILES | {"poster"}, EMAILS_DIRECTIONS)
    described = describe("email")
    assert described is not None
    assert described.files_in_extra == EMAILS_FILES | {"poster"}


@pytest.mark.parametrize("declared", ["'photo'", "7", "None"])
def test_a_part_that_names_no_keys_is_told_by_the_checks(
    declared: str, settings: Any, tmp_path: Path, db: None
) -> None:
    (tmp_path / "carrier.py").write_text(
        f"FILES_IN_EXTRA = {declared}\ndef send_notification(notification): ..."
    )
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    settings.NOTIFICATION_SYSTEM_TARGETS = {"carrier": {}}
    [message] = check_settings()
    assert message.id == "django_notification_system.W006"
    assert "must be a tuple of keys of extra, such as ('photo',)." in message.msg
    NotificationTarget.objects.create(name="Carrier", notification_module_name="carrier")
    assert superusers_keys().files == EMAILS_FILES
