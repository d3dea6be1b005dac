"""Adding a notification in the admin, and what its form refuses."""

import json
import re
import uuid
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from django_notification_system import notify
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.support.admin_site import (
    Records,
    address,
    errors_of,
    form_of,
    new_notification,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


def test_a_notification_is_added_as_scheduled(client: Client, records: Records) -> None:
    url = address(Notification, "add")
    assert client.post(url, new_notification(records["Email"])).status_code == 302
    notification = Notification.objects.get(title="By hand")
    assert notification.status == Notification.SCHEDULED
    assert notification.target_user_record == records["Email"]
    assert notification.scheduled_delivery.isoformat() == "2031-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"target_user_record": ""}, "target_user_record"),
        ({"title": ""}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "NUL \x00"}, "title"),
        ({"extra": "[]"}, "extra"),
        ({"extra": "{not JSON"}, "extra"),
        ({"extra": '{"a": NaN}'}, "extra"),
        ({"extra": '{"a": [1e999]}'}, "extra"),
        ({"extra": '{"a": "\\u0000"}'}, "extra"),
        ({"extra": '{"\\ud800": 1}'}, "extra"),
        ({"extra": '{"a": %s}' % ("1" * 4301)}, "extra"),
        ({"extra": '{"a": %s}' % ("[" * 31 + "]" * 31)}, "extra"),
        ({"extra": "[" * 100_000}, "extra"),
        ({"body": "NUL \x00"}, "body"),
        ({"scheduled_delivery_0": ""}, "scheduled_delivery"),
        ({"target_user_record": str(uuid.uuid4())}, "target_user_record"),
    ],
)
@pytest.mark.usefixtures("without_collection")
def test_a_bad_notification_is_an_error_in_the_form(
    client: Client, records: Records, fields: dict[str, str], where: str
) -> None:
    response = client.post(
        address(Notification, "add"), new_notification(records["Email"], **fields)
    )
    assert list(errors_of(response)) == [where]
    assert not Notification.objects.exists()


def test_a_bad_extra_is_told_why_and_shown_again_as_it_was(
    client: Client, records: Records
) -> None:
    typed = '{"price": [NaN]}'
    response = client.post(
        address(Notification, "add"), new_notification(records["Email"], extra=typed)
    )
    (message,) = errors_of(response)["extra"]
    assert message == 'extra["price"][0] is nan, a number that JSON does not have.'
    assert response.context["adminform"].form["extra"].value() == typed
    assert f">\n{typed}</textarea>" in unescape(response.content.decode())


#: What a superuser has set, and what somebody else would like.
SUPERUSERS_VALUES: dict[str, tuple[Any, Any]] = {
    "attachments": (["bill.pdf"], ["secret.txt"]),
    "template_name": ("preview/breakfast.html", "preview/writes.html"),
    "cc": (["cook@example.com"], ["staff@example.com"]),
    "bcc": ("cook@example.com", "staff@example.com"),
    "reply_to": (["cook@example.com"], ["staff@example.com"]),
    "headers": ({"X-Table": "7"}, {"From": "boss@example.com"}),
}


@pytest.fixture
def files(settings: Any, tmp_path: Path) -> None:
    """Put two files into the default storage."""
    settings.MEDIA_ROOT = tmp_path
    for name in ("bill.pdf", "secret.txt"):
        (tmp_path / name).write_text("x")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", SUPERUSERS_VALUES)
def test_only_superusers_name_files_other_recipients_and_senders(
    client: Client, records: Records, make_due: MakeDue, name: str
) -> None:
    staff = staff_client("add_notification", "change_notification")
    kept, wanted = SUPERUSERS_VALUES[name]
    bad = json.dumps({name: wanted})
    add = address(Notification, "add")
    prefilled = f"{add}?extra={quote(bad)}"
    for url in (add, prefilled):
        errors = errors_of(staff.post(url, new_notification(records["Email"], extra=bad)))
        assert list(errors) == ["extra"]
        assert f"Only superusers may set “{name}” here" in str(errors)
    assert not Notification.objects.exists()

    notification = make_due(records["Email"], extra={name: kept, "a": 1})
    change = address(Notification, "change", notification.pk)
    data = {**form_of(staff, change), "extra": bad}
    assert list(errors_of(staff.post(change, data))) == ["extra"]
    notification.refresh_from_db()
    assert notification.extra == {name: kept, "a": 1}

    other: dict[str, Any]
    for other in ({name: kept, "a": 2}, {"a": 3}):
        data = {**form_of(staff, change), "extra": json.dumps(other)}
        assert staff.post(change, data).status_code == 302
        notification.refresh_from_db()
        assert notification.extra == other
    data = {**form_of(staff, change), "extra": bad}
    assert list(errors_of(staff.post(change, data))) == ["extra"]

    assert client.post(add, new_notification(records["Email"], extra=bad)).status_code == 302
    assert client.post(change, {**form_of(client, change), "extra": bad}).status_code == 302


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "file", [{"attachments": ["bill.pdf"]}, {"template_name": "preview/breakfast.html"}]
)
def test_a_superusers_files_go_to_whom_the_superuser_chose(
    client: Client, records: Records, make_due: MakeDue, file: dict[str, Any]
) -> None:
    staff = staff_client("add_notification", "change_notification", "view_targetuserrecord")
    extra = {**file, "bcc": ["archive@example.com"]}
    notification = make_due(records["Email"], extra=extra)
    change = address(Notification, "change", notification.pk)
    for changed in ({**extra, "cc": "staff@example.com"}, {**extra, "bcc": "staff@example.com"},
                    file):  # fmt: skip
        data = {**form_of(staff, change), "extra": json.dumps(changed)}
        assert list(errors_of(staff.post(change, data))) == ["extra"], changed
    own = {"target_user_record": records["Expo"].pk, "priority": "5"}
    assert staff.post(change, {**form_of(staff, change), **own}).status_code == 302
    notification.refresh_from_db()
    assert notification.extra == extra
    assert (notification.target_user_record, notification.priority) == (records["Email"], 5)

    assert client.post(change, {**form_of(client, change), **own}).status_code == 302
    notification.refresh_from_db()
    assert notification.target_user_record == records["Expo"]


REFUSED: list[tuple[dict[str, str], str, str]] = [
    ({"body": ""}, "body", "An email needs a body."),
    ({"body": "", "extra": '{"template_name": "none.html"}'}, "extra", "which does not exist"),
    ({"extra": '{"template_name": "preview"}'}, "extra", "which cannot be loaded"),
    ({"extra": '{"cc": 7}'}, "extra", "must be an address"),
    ({"extra": '{"headers": {"Subject": "x"}}'}, "extra", "must not set Subject"),
    ({"extra": '{"attachments": ["gone.pdf"]}'}, "extra", "'gone.pdf' is not in the default"),
    ({"extra": '{"content_subtype": "pdf"}'}, "extra", 'must be "html" or "plain"'),
    (
        {"expires_at_0": "2031-01-02", "expires_at_1": "03:04:05"},
        "expires_at",
        "could never be sent",
    ),
]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("fields", "where", "said"), REFUSED)
def test_the_form_refuses_what_notify_refuses(
    client: Client,
    records: Records,
    make_due: MakeDue,
    fields: dict[str, str],
    where: str,
    said: str,
) -> None:
    data = new_notification(records["Email"], **fields)
    errors = errors_of(client.post(address(Notification, "add"), data))
    assert list(errors) == [where]
    assert said in unescape(str(errors[where]))
    moment = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    expires_at = moment if "expires_at_0" in fields else None
    arguments: dict[str, Any] = {
        "body": data["body"], "extra": json.loads(data["extra"]),
        "scheduled_delivery": moment, "expires_at": expires_at,
    }  # fmt: skip
    with pytest.raises(InvalidNotification, match=re.escape(said)):
        notify(records["Email"].user, "By hand", target="Email", **arguments)

    notification = make_due(records["Email"], scheduled_delivery=moment)
    change = address(Notification, "change", notification.pk)
    assert list(errors_of(client.post(change, {**form_of(client, change), **fields}))) == [where]
    # What was so before keeps nobody from doing something else, calling it off for one.
    Notification.objects.update(**{**arguments, "expires_at": None})
    for other in ({"priority": "7"}, {"status": "CANCELLED"}):
        assert client.post(change, {**form_of(client, change), **other}).status_code == 302


def test_a_text_message_needs_no_body(client: Client, records: Records) -> None:
    data = new_notification(records["Twilio"], body="", extra='{"template_name": "none.html"}')
    assert client.post(address(Notification, "add"), data).status_code == 302


def test_an_inactive_record_is_refused(client: Client, records: Records, make_due: MakeDue) -> None:
    notification = make_due(records["Email"])
    TargetUserRecord.objects.filter(pk=records["Email"].pk).update(active=False)
    errors = errors_of(
        client.post(address(Notification, "add"), new_notification(records["Email"]))
    )
    assert list(errors) == ["target_user_record"]
    change = address(Notification, "change", notification.pk)
    assert client.post(change, {**form_of(client, change), "priority": "7"}).status_code == 302


def test_a_projects_own_creator_has_its_own_rules(
    client: Client, records: Records, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "email.py").write_text("def create_notification(user, title, body): ...\n")
    settings.NOTIFICATION_SYSTEM_CREATORS = [str(tmp_path)]
    data = new_notification(records["Email"], body="")
    assert client.post(address(Notification, "add"), data).status_code == 302


def test_a_repeated_notification_is_an_error_in_the_form(client: Client, records: Records) -> None:
    url = address(Notification, "add")
    client.post(url, new_notification(records["Email"]))
    response = client.post(url, new_notification(records["Email"]))
    assert "already exists" in str(errors_of(response))
    assert Notification.objects.count() == 1


@pytest.mark.parametrize("active", [True, False])
def test_a_notification_for_a_user_with_an_opt_out(
    client: Client, records: Records, active: bool
) -> None:
    NotificationOptOut.objects.create(user=records["Email"].user, active=active)
    response = client.post(address(Notification, "add"), new_notification(records["Email"]))
    if active:
        assert "opted out" in str(errors_of(response))
    else:
        assert response.status_code == 302
