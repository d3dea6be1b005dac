"""An address is trimmed where its record is saved and where it is read, for every target."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
    UserTarget,
)
from django_notification_system.models.address import comparable, trimmed
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import ADDRESSES, MakeDue
from tests.support.admin_site import address, form_of
from tests.support.handlers import loft as loft_handler
from tests.support.mail_backends import use_backend
from tests.support.scripted_smtp import ScriptedSmtp

Process = Callable[..., str]

AROUND = [
    (" ", "\n"),
    ("\r\n", "\t"),
    ("\u202a", "\u202c"),  # how phones copy a number out of their contacts
    ("\u2066", "\u2069"),
    ("\ufeff", "\u200b"),
    ("\u00a0", "\u3000\u00ad"),
]


@pytest.mark.parametrize(("before", "after"), AROUND)
@pytest.mark.parametrize(
    "inner", ["+15005550006", "ann@münchen.example", "north tower", "a\u200db"]
)
def test_what_nobody_sees_is_trimmed_and_only_at_the_ends(
    before: str, after: str, inner: str
) -> None:
    assert trimmed(f"{before}{inner}{after}") == inner
    assert trimmed(inner) == inner


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@münchen.example", "ANN@xn--mnchen-3ya.example"),
        ("ann@MÜNCHEN.example.", "ann@münchen.example"),
        ("Ann <ann@example.com>", " <ann@Example.com>"),
        ('"Ann, of old" <ann@example.com>', "ann@example.com"),
        ("NORTH Tower", "north tower\n"),
        ("ExponentPushToken[a]", "ExponentPushToken[a] "),
        ("ann@" + "a" * 64 + ".example", "Ann@" + "a" * 64 + ".example"),
        ("ann@", "ANN@"),
    ],
)
def test_two_spellings_of_an_address_are_one(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@example.com", "ann@example.net"),
        ("ann@münchen.example", "ann@munchen.example"),
        ("ann@example.com", "bob <bob@example.com>"),
        ("+15005550006", "+15005550007"),
        ("", "ann@example.com"),
    ],
)
def test_two_addresses_are_two(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(st.text())
def test_any_text_can_be_compared(text: str) -> None:
    assert comparable(text) == comparable(f" {text}\n")


def stored() -> str:
    """Return the one record's address as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT target_user_id FROM notification_system_target_user_record")
        [[text]] = cursor.fetchall()
    return str(text)


def store(text: str) -> None:
    """Give the one record an address as SQL does, or release 1.5.3 did."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notification_system_target_user_record SET target_user_id = %s", [text]
        )


@pytest.mark.parametrize("way", ["create", "save", "bulk_create", "bulk_update", "update", "form"])
def test_an_address_is_saved_trimmed(user: Any, way: str) -> None:
    target = NotificationTarget.objects.get(name="Twilio")
    values = {"user": user, "target": target, "description": "Phone"}
    untrimmed = "\u202a+15005550006\u202c \n"
    record = TargetUserRecord(**values, target_user_id="" if "update" in way else untrimmed)
    if way == "bulk_create":
        TargetUserRecord.objects.bulk_create([record])
    elif way == "form":
        record.full_clean()
        assert record.target_user_id == "+15005550006"
        record.save()
    else:
        record.save()
    if way == "update":
        TargetUserRecord.objects.update(target_user_id=untrimmed)
    elif way == "bulk_update":
        record.target_user_id = untrimmed
        TargetUserRecord.objects.bulk_update([record], ["target_user_id"])
    elif way != "create":
        assert record.target_user_id == "+15005550006"
    assert stored() == "+15005550006"
    assert TargetUserRecord.objects.filter(target_user_id=untrimmed).exists()


def test_an_address_of_invisible_marks_alone_is_none(user: Any) -> None:
    target = NotificationTarget.objects.get(name="Twilio")
    record = TargetUserRecord(user=user, target=target, target_user_id="\u200b", description="No")
    with pytest.raises(ValidationError) as refused:
        record.full_clean()
    assert "target_user_id" in refused.value.message_dict


def test_the_admin_trims_what_is_pasted(admin_client: Client, user: Any) -> None:
    target = NotificationTarget.objects.get(name="Twilio")
    url = address(UserTarget, "add")
    admin_client.post(
        url,
        {
            **form_of(admin_client, url),
            "user": user.pk,
            "target": target.pk,
            "target_user_id": "\u202a+15005550006\u202c",
            "description": "Phone",
        },
    )
    assert stored() == "+15005550006"


@pytest.mark.parametrize("name", ["Email", "Twilio", "Expo", "Loft"])
@pytest.mark.parametrize(("before", "after"), [(" ", "\n"), ("\u202a", "\u202c")])
def test_what_was_saved_untrimmed_is_sent_to_the_trimmed_address(
    name: str,
    before: str,
    after: str,
    loft: TargetUserRecord,
    providers: ProviderStandIn,
    make_due: MakeDue,
    process: Process,
) -> None:
    record = loft
    wanted = ADDRESSES.get(name, "north tower")
    if name != "Loft":
        record.target = NotificationTarget.objects.get(name=name)
        record.save()
    store(f"{before}{wanted}{after}")
    notification = make_due(TargetUserRecord.objects.get())
    flown_to: list[str] = []
    loft_handler.watchers.append(
        lambda flown: flown_to.append(flown.target_user_record.target_user_id)
    )

    process()

    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    reached = [
        *(each.to[0] for each in mail.outbox),
        *(each.to for each in providers.received),
        *flown_to,
    ]
    assert reached == [wanted]


@pytest.mark.parametrize("kind", ["for good", "hard bounce"])
def test_an_address_that_was_saved_untrimmed_can_be_switched_off(
    kind: str,
    records: dict[str, TargetUserRecord],
    providers: ProviderStandIn,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    name = "Expo" if kind == "for good" else "Email"
    record = records.pop(name)
    TargetUserRecord.objects.exclude(pk=record.pk).delete()
    text = "ExponentPushToken[DeviceNotRegistered]" if name == "Expo" else "nobody@example.com"
    store(f" {text}\n")
    record.refresh_from_db()
    make_due(record)
    if name == "Expo":
        process()
    else:
        with ScriptedSmtp() as server:
            server.script = {"RCPT": ["550 5.1.1 No such user"]}
            use_backend(settings, host=server.host, port=server.port)
            process()
    record.refresh_from_db()
    assert not record.active


def test_a_record_that_was_saved_untrimmed_can_be_copied(email: TargetUserRecord) -> None:
    TargetUserRecord.objects.exclude(pk=email.pk).delete()
    store(" eggs@example.com\n")
    record = TargetUserRecord.objects.get()
    for each in (copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert each.target_user_id == "eggs@example.com"
        each.save()
        assert stored() == "eggs@example.com"
        store(" eggs@example.com\n")
