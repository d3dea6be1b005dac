"""Records of browsers and devices: one user at a time, private details, short addresses."""

import json
import re
import threading
import traceback
from collections.abc import Iterator
from pprint import pformat
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_notification_system import export_person_data
from django_notification_system.delivery.handlers.find import find_handler
from django_notification_system.delivery.handlers.redirect import is_blocked, redirect_notice
from django_notification_system.exceptions import InvalidNotification, TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
    UserTarget,
)
from django_notification_system.models.details import Details
from django_notification_system.operations.add_target import add_target
from django_notification_system.operations.erase_person import erase_person_data
from django_notification_system.subscriptions import (
    end_subscription,
    is_short_address,
    record_at,
    short_address,
    subscribe,
)
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.admin_site import address, form_of
from tests.support.handlers import locker
from tests.support.runs import in_real_transactions

ENDPOINT = "https://push.example.com/" + "capability" * 40
SECRET = "planted-secret-of-a-browser"
DETAILS = {"endpoint": ENDPOINT, "keys": {"auth": SECRET}}


@pytest.fixture(autouse=True)
def no_lockers_open() -> Iterator[None]:
    yield
    locker.opened.clear()


@pytest.fixture
def target(db: None, settings: Any) -> NotificationTarget:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    return NotificationTarget.objects.create(name="Lockers", notification_module_name="locker")


@pytest.fixture
def other(db: None) -> Any:
    return get_user_model().objects.create_user(username="ham")


def active_of(target: NotificationTarget) -> list[str]:
    records = TargetUserRecord.objects.filter(target=target, active=True)
    return sorted(str(record.user) for record in records)


# Short addresses


def test_a_short_address_is_43_characters_and_always_the_same() -> None:
    short = short_address(ENDPOINT)
    assert re.fullmatch(r"sha256:[A-Za-z0-9_-]{43}", short)
    assert short == short_address(f" {ENDPOINT}\n") == short_address(short)
    assert short != short_address(ENDPOINT[:-1])
    assert is_short_address(short)
    assert not is_short_address("sha256:too-short")


def test_details_show_their_names_alone() -> None:
    details = Details(DETAILS)
    # Django's error pages show local variables by pprint.
    shown = f"{details} {details!r} {[details]} {pformat({'record': details}, width=20)}"
    assert "endpoint" in shown
    assert ENDPOINT not in shown
    assert SECRET not in shown
    assert json.loads(json.dumps(details)) == DETAILS


# Subscribing


def test_a_subscription_makes_a_record_and_a_second_renews_it(user: Any, target: Any) -> None:
    record = subscribe(user, target, ENDPOINT, DETAILS, description="Firefox")
    TargetUserRecord.objects.update(active=False, hard_bounces=2, inactive_reason="refused")
    again = subscribe(user, target, ENDPOINT, {**DETAILS, "seen": 1})
    assert again.pk == record.pk
    again.refresh_from_db()
    assert (again.target_user_id, again.active) == (short_address(ENDPOINT), True)
    assert (again.hard_bounces, again.inactive_reason) == (0, "")
    assert again.details == {**DETAILS, "seen": 1}
    assert isinstance(again.details, Details)


def test_a_browser_of_another_user_moves_to_that_user(
    user: Any, other: Any, target: Any, make_due: MakeDue
) -> None:
    first = subscribe(user, target, ENDPOINT, DETAILS)
    private = make_due(first, title="For the egg alone")
    second = subscribe(other, target, ENDPOINT, DETAILS)
    assert active_of(target) == ["ham"]
    first.refresh_from_db()
    assert (first.user, first.inactive_reason, first.details) == (user, "moved", None)
    call_command("process_notifications", verbosity=0)
    private.refresh_from_db()
    assert private.status == Notification.INACTIVE_DEVICE
    assert locker.opened == []
    subscribe(user, target, ENDPOINT, DETAILS)
    assert active_of(target) == ["egg"]
    second.refresh_from_db()
    assert second.inactive_reason == "moved"


def test_a_record_that_a_run_switched_off_keeps_nobody_from_subscribing(
    user: Any, other: Any, target: Any
) -> None:
    subscribe(user, target, ENDPOINT, DETAILS)
    TargetUserRecord.objects.update(active=False)  # as a run does, which leaves the digest
    record = subscribe(other, target, ENDPOINT, DETAILS)
    assert active_of(target) == ["ham"]
    record.active = False
    record.save(update_fields=["active"])
    mine = TargetUserRecord.objects.get(user=user)
    mine.active, mine.details = True, DETAILS
    mine.full_clean()
    mine.save(update_fields=["active"])
    record.active = True
    with pytest.raises(ValidationError, match="Another user has this browser"):
        record.full_clean()


def test_the_same_token_in_another_target_is_another_subscription(user: Any, target: Any) -> None:
    second = NotificationTarget.objects.create(name="More", notification_module_name="locker")
    assert subscribe(user, target, "token").pk != subscribe(user, second, "token").pk
    assert TargetUserRecord.objects.filter(active=True).count() == 2


def test_a_subscription_ends_for_its_own_user_alone(user: Any, other: Any, target: Any) -> None:
    record = subscribe(user, target, ENDPOINT, DETAILS)
    assert not end_subscription(other, target, ENDPOINT)
    assert end_subscription(user, target, ENDPOINT)
    assert not end_subscription(user, target, ENDPOINT)
    record.refresh_from_db()
    assert (record.active, record.details, record.inactive_reason) == (False, None, "ended")


def test_an_error_names_the_place_and_no_secret(user: Any, target: Any) -> None:
    with pytest.raises(InvalidNotification, match=r'details\["keys"\]') as raised:
        subscribe(user, target, ENDPOINT, {"keys": {SECRET, "a set"}})
    assert SECRET not in str(raised.value)


def test_a_renewal_costs_few_queries(user: Any, target: Any) -> None:
    subscribe(user, target, ENDPOINT, DETAILS)
    with CaptureQueriesContext(connections["default"]) as queries:
        subscribe(user, target, ENDPOINT, DETAILS)
    words = [query["sql"].split()[0] for query in queries]
    first = ["UPDATE"] if TEST_DATABASE == "sqlite" else []
    assert words == ["SAVEPOINT", *first, "SELECT", "UPDATE", "UPDATE", "RELEASE"]


@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="threads share no database")
@in_real_transactions
def test_of_calls_at_once_one_record_is_on(user: Any, other: Any, target: Any) -> None:
    third = get_user_model().objects.create_user(username="bacon")
    errors: list[str] = []
    for number in range(5):
        people = [user, other, third, user, other, third]
        begun = threading.Barrier(len(people))

        def act(person: Any, begun: Any, address: str) -> None:
            try:
                connections["default"].ensure_connection()
                begun.wait(timeout=30)
                subscribe(person, target, address, DETAILS)
            except Exception:
                errors.append(traceback.format_exc())
            finally:
                connections.close_all()

        address = f"{ENDPOINT}/{number}"
        threads = [threading.Thread(target=act, args=(each, begun, address)) for each in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        records = TargetUserRecord.objects.filter(target_user_id=short_address(address))
        assert records.count() == 3
        assert records.filter(active=True).count() == 1
        assert records.filter(details__isnull=False).count() == 1


def test_within_a_transaction_of_the_caller_nothing_else_is_lost(user: Any, target: Any) -> None:
    with transaction.atomic():
        subscribe(user, target, ENDPOINT, DETAILS)
    assert record_at(target, ENDPOINT) == record_at(target, short_address(ENDPOINT))


# Private


def test_the_admin_shows_no_detail(
    user: Any, target: Any, make_due: MakeDue, admin_client: Client
) -> None:
    record = subscribe(user, target, ENDPOINT, DETAILS)
    notification = make_due(record)
    pages = "/admin/django_notification_system"
    for page in (
        f"{pages}/usertarget/",
        f"{pages}/usertarget/?q=capability",
        f"{pages}/usertarget/{record.pk}/change/",
        f"{pages}/usertarget/{record.pk}/history/",
        f"{pages}/notification/",
        f"{pages}/notification/{notification.pk}/change/",
    ):
        text = admin_client.get(page).content.decode()
        assert "push.example.com" not in text
        assert SECRET not in text


def test_the_admin_switches_no_record_on_that_needs_details_and_has_none(
    user: Any, admin_client: Client
) -> None:
    target, _ = add_target("webpush")
    record = subscribe(user, target, ENDPOINT, DETAILS)
    end_subscription(user, target, ENDPOINT)
    url = address(UserTarget, "change", record.pk)
    form = form_of(admin_client, url)
    answer = admin_client.post(url, {**form, "active": "on"})
    assert "when the user presses the button" in answer.content.decode()
    assert admin_client.post(url, {**form, "description": "My laptop"}).status_code == 302
    record.refresh_from_db()
    assert (record.active, record.description) == (False, "My laptop")


def test_details_go_with_the_address_that_they_belong_to(
    user: Any, target: Any, admin_client: Client
) -> None:
    record = subscribe(user, target, ENDPOINT, DETAILS)
    url = address(UserTarget, "change", record.pk)
    changed = {**form_of(admin_client, url), "description": "Another name"}
    assert admin_client.post(url, changed).status_code == 302
    record.refresh_from_db()
    assert record.details == DETAILS
    changed = {**form_of(admin_client, url), "target_user_id": "another"}
    assert admin_client.post(url, changed).status_code == 302
    record.refresh_from_db()
    assert (record.target_user_id, record.details) == ("another", None)


def test_an_export_has_details_only_where_asked_for(user: Any, target: Any, capsys: Any) -> None:
    subscribe(user, target, ENDPOINT, DETAILS)
    call_command("export_notification_data", "egg")
    assert SECRET not in capsys.readouterr().out
    call_command("export_notification_data", "egg", "--with-secrets")
    assert SECRET in capsys.readouterr().out
    [row] = export_person_data(user, with_secrets=True)["records"]
    assert row["details"] == DETAILS


def test_an_erasure_removes_the_details(user: Any, target: Any) -> None:
    subscribe(user, target, ENDPOINT, DETAILS)
    erase_person_data(user)
    assert not TargetUserRecord.objects.exists()


# Handlers


def test_a_handler_reads_details_without_a_query_more(
    user: Any, target: Any, make_due: MakeDue
) -> None:
    make_due(subscribe(user, target, ENDPOINT, DETAILS))
    [row] = Notification.objects.for_delivery()
    with CaptureQueriesContext(connections["default"]) as queries:
        assert row.target_user_record.details == DETAILS
    assert len(queries) == 0
    call_command("process_notifications", verbosity=0)
    assert locker.opened == [(short_address(ENDPOINT), DETAILS)]


def test_a_redirect_takes_the_details_of_its_own_record(
    user: Any, other: Any, target: Any, make_due: MakeDue, settings: Any
) -> None:
    staging = "https://push.example.com/staging"
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"locker": staging}}
    due = make_due(subscribe(user, target, ENDPOINT, DETAILS))
    with pytest.raises(CommandError):
        call_command("process_notifications", fail_on_error=True, verbosity=0)
    due.refresh_from_db()
    assert (due.status, due.retry_attempts, locker.opened) == (Notification.SCHEDULED, 0, [])
    assert is_blocked(target)
    assert "Lockers is blocked" in redirect_notice([target])
    subscribe(other, target, staging, {"of": "the staging site"})
    call_command("process_notifications", verbosity=0)
    due.refresh_from_db()
    assert due.status == Notification.DELIVERED
    assert locker.opened == [(short_address(staging), {"of": "the staging site"})]
    assert not is_blocked(target)
    assert due.target_user_record.details == DETAILS


def test_a_test_message_needs_a_record_with_details(user: Any, target: Any, capsys: Any) -> None:
    with pytest.raises(CommandError, match="needs the details of a record"):
        call_command("send_test_notification", target="Lockers", to=ENDPOINT)
    subscribe(user, target, ENDPOINT, DETAILS)
    call_command("send_test_notification", target="Lockers", to=ENDPOINT)
    assert locker.opened == [(short_address(ENDPOINT), DETAILS)]
    assert ENDPOINT not in "".join(capsys.readouterr())


def test_a_redirect_without_details_names_the_next_step(target: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"locker": ENDPOINT}}
    with pytest.raises(TargetUnavailable, match="Make a record of that address") as raised:
        find_handler(target)
    assert ENDPOINT not in str(raised.value)
