"""Notifications of a type: texts made right before the send, and what becomes of those without."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db import InterfaceError, ProgrammingError, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from django_notification_system.categories import Category, known_categories
from django_notification_system.delivery.handover import (
    BatchMessage,
    Summary,
    claim_batches,
    deliver_batch,
)
from django_notification_system.delivery.runs import sendable
from django_notification_system.delivery.runs.run import Run
from django_notification_system.message_types import stored
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import email as email_handler
from django_notification_system.observing.outcome_name import outcome_of
from django_notification_system.testing import Outbox, render
from django_notification_system.types import NotificationType, known_types
from tests.settings import TEST_DATABASE
from tests.support.handlers import loft as loft_handler
from tests.support.places import ROOT
from tests.support.preferences_support import serve_preferences
from tests.support.runs import in_real_transactions
from tests.support.shop import models as shop
from tests.support.shop.models import Order, Profile

pytestmark = pytest.mark.django_db

NEWS = Category("news", label="Newsletter")


class Shipped(NotificationType):
    key = "shop.Shipped"
    category = NEWS
    targets = ("email", "expo")
    templates = "shop/order_shipped"
    order: Order
    note: str = ""
    eta: date | None = None


class Parcel(NotificationType):
    key = "shop.Parcel"
    targets: ClassVar[Any] = ("Loft",)
    templates = "shop/parcel"
    order: Order
    note: str = ""
    at: datetime | None = None

    def should_send(self, user: User) -> bool:
        return not Order.objects.get(pk=self.order.pk).is_cancelled


class Failing(NotificationType):
    key = "shop.Failing"
    targets = ("Loft",)
    templates = "shop/failing"
    number: int

    @property
    def secret(self) -> str:
        return "hunter2"

    def should_send(self, user: User) -> bool:
        if self.number == 4 and Notification.objects.count() > 3:
            raise ValueError("hunter2")
        return True


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with known_categories(NEWS), known_types(Shipped, Parcel, Failing):
        yield


@pytest.fixture
def order() -> Order:
    return Order.objects.create(number=17)


@pytest.fixture
def bodies(loft: TargetUserRecord) -> list[str]:
    """The texts that the handler of the target "Loft" gets."""
    seen: list[str] = []
    loft_handler.watchers.append(lambda notification: seen.append(notification.body))
    return seen


def statuses() -> dict[str, tuple[str, str]]:
    rows = Notification.objects.values_list("title", "status", "response")
    return {title: (status, response) for title, status, response in rows}


@override_settings(NOTIFICATION_SYSTEM={"USER_LANGUAGE": "last_name"})
def test_texts_are_in_the_users_language_and_escaped_by_suffix(
    email: TargetUserRecord, order: Order, outbox: Outbox
) -> None:
    User.objects.filter(pk=email.user_id).update(last_name="de")
    Shipped(order=order, note="<b> & c", eta=date(2027, 1, 5)).notify(email.user)
    with translation.override("fr"):
        outbox.deliver()
        assert translation.get_language() == "fr"
    message = outbox["email"][0].email
    assert message is not None
    assert message.subject == "Bestellung 17 & unterwegs"
    assert message.body == "de: 17, <b> & c"
    [(html, mimetype)] = message.alternatives
    assert mimetype == "text/html"
    assert html == "<p>de: 17 for egg, &lt;b&gt; &amp; c</p><p>2027-01-05</p>\n"
    row = outbox["email"][0].notification
    row.refresh_from_db()
    assert (row.status, row.body) == (Notification.DELIVERED, "")


def test_a_guest_gets_the_texts_in_the_language_of_the_call(
    email: TargetUserRecord, order: Order, outbox: Outbox
) -> None:
    Shipped(order=order, note="n").notify_addresses("g@example.com", target="Email", language="de")
    outbox.deliver()
    message = outbox["email"][0].email
    assert message is not None
    assert (message.to, message.body) == (["g@example.com"], "de: 17, n")
    assert message.alternatives[0][0] == "<p>de: 17 for , n</p>\n"


def test_a_push_message_has_its_own_template(
    records: dict[str, TargetUserRecord], order: Order, outbox: Outbox
) -> None:
    Shipped(order=order, note="a & b").notify(records["Expo"].user)
    outbox.deliver()
    assert [each.body for each in outbox["expo"]] == ["17 is on its way, a & b"]


def test_a_target_of_the_projects_own_sees_title_and_text(
    loft: TargetUserRecord, order: Order, bodies: list[str]
) -> None:
    Parcel(order=order, note="<3", at=datetime(2027, 1, 5, 12, tzinfo=UTC)).notify(loft.user)
    list(Run())
    assert (bodies, loft_handler.flown) == (["#17 for egg at 12:00: <3"], ["Parcel 17"])
    assert statuses()["Parcel 17"] == (Notification.DELIVERED, "Cooed.")
    assert Notification.objects.get().body == ""


def zones_of(keys: Collection[Any]) -> Mapping[Any, Any]:
    return dict.fromkeys(keys, "America/Lima")


def broken(keys: Collection[Any]) -> Mapping[Any, Any]:
    raise KeyError("a user")


@pytest.mark.parametrize(
    ("way", "hour"),
    [
        (None, "12:00"),
        ("profile.time_zone", "07:00"),
        (f"{__name__}.zones_of", "07:00"),
        (f"{__name__}.broken", "12:00"),
        ("first_name", "12:00"),  # no zone's name
        ("nowhere", "12:00"),  # as a check says
    ],
)
def test_moments_are_in_the_users_time_zone(
    way: str | None, hour: str, loft: TargetUserRecord, order: Order, bodies: list[str]
) -> None:
    Profile.objects.create(user_id=loft.user_id, time_zone="America/Lima")
    with override_settings(NOTIFICATION_SYSTEM={"USER_TIME_ZONE": way}):
        Parcel(order=order, at=datetime(2027, 1, 5, 12, tzinfo=UTC)).notify(loft.user)
        with timezone.override("Asia/Tokyo"):
            list(Run())
    assert bodies == [f"#17 for egg at {hour}:"]


def test_a_deleted_object_cancels_and_the_run_goes_on(
    loft: TargetUserRecord, order: Order, bodies: list[str]
) -> None:
    other, pk = Order.objects.create(number=18), order.pk
    Parcel(order=order).notify(loft.user)
    Parcel(order=other).notify(loft.user)
    Notification.objects.create(
        target_user_record=loft, title="plain", body="text", scheduled_delivery=timezone.now()
    )
    order.delete()
    list(Run())
    said = f"Order {pk} does not exist any more."
    assert statuses() == {
        "Parcel 17": (Notification.CANCELLED, said),
        "Parcel 18": (Notification.DELIVERED, "Cooed."),
        "plain": (Notification.DELIVERED, "Cooed."),
    }
    assert sorted(bodies) == ["#18 for egg at :", "text"]
    assert not NotificationAttempt.objects.exists()


def test_what_is_not_wanted_any_more_is_cancelled(
    loft: TargetUserRecord, order: Order, bodies: list[str]
) -> None:
    Parcel(order=order).notify(loft.user)
    Order.objects.update(is_cancelled=True)
    list(Run())
    said = "Not sent: the message is not needed any more."
    assert statuses() == {"Parcel 17": (Notification.CANCELLED, said)}
    assert bodies == []
    assert outcome_of(Notification.objects.get()) == "cancelled"


def test_a_template_that_fails_fails_its_row_alone(
    loft: TargetUserRecord, bodies: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1, 5):
        Failing(number=number).notify(loft.user, idempotency_key=str(number))
    list(Run())
    assert statuses() == {
        "Failing 1": (Notification.DELIVERED, "Cooed."),
        "Failing 2": (
            Notification.DELIVERY_FAILURE,
            "Not sent: the template 'shop/failing/text.txt' could not be rendered"
            " (TemplateDoesNotExist: shop/nowhere.txt). Mend the template.",
        ),
        "Failing 3": (Notification.DELIVERED, "Cooed."),
        "Failing 4": (
            Notification.RETRY,
            "Not sent: shop.Failing raised ValueError; see the log.",
        ),
    }
    assert bodies == ["Fine 1", "Fine 3"]
    assert "hunter2" not in str(statuses())


def test_an_unknown_type_waits_for_a_newer_process(
    loft: TargetUserRecord, order: Order, bodies: list[str], process: Any
) -> None:
    Parcel(order=order).notify(loft.user)
    Notification.objects.update(status=Notification.RETRY, attempted_delivery=timezone.now())
    before = Notification.objects.get()
    with known_types():
        said = process()
        row = Notification.objects.get()
        assert process("--verbosity", "1") == ""  # an hour later at the earliest
    assert said == "1 postponed\n"
    assert row.status == Notification.RETRY
    assert row.response.startswith(
        "Postponed for an hour: this process knows no type 'shop.Parcel'"
    )
    assert timedelta(minutes=59) < row.scheduled_delivery - timezone.now() <= timedelta(hours=1)
    kept = ("retry_attempts", "attempted_delivery", "provider_status", "digest", "extra")
    assert [getattr(row, name) for name in kept] == [getattr(before, name) for name in kept]
    assert (row.claim_token, row.interruptions) == (None, 0)
    assert not NotificationAttempt.objects.exists()
    Notification.objects.update(scheduled_delivery=timezone.now())
    list(Run())
    assert bodies == ["#17 for egg at :"]


def test_programs_read_how_many_wait(loft: TargetUserRecord, order: Order) -> None:
    Parcel(order=order).notify(loft.user)
    out = io.StringIO()
    with known_types():
        call_command("process_notifications", "--format", "json", stdout=out)
    (summary,) = map(json.loads, out.getvalue().splitlines())
    assert (summary["postponed"], summary["not_delivered"], summary["statuses"]) == (1, 0, {})


def test_a_cancelled_row_is_not_brought_back_by_an_older_process(
    loft: TargetUserRecord, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    Parcel(order=order).notify(loft.user)
    prepare = sendable.prepare

    def cancelled_meanwhile(*arguments: Any) -> Any:
        Notification.objects.update(status=Notification.CANCELLED, response="By a person.")
        return prepare(*arguments)

    monkeypatch.setattr(sendable, "prepare", cancelled_meanwhile)
    with known_types():
        list(Run())
    row = Notification.objects.get()
    assert (row.status, row.response, row.claim_token) == ("CANCELLED", "By a person.", None)


def test_a_renamed_class_with_a_key_delivers_old_rows(
    loft: TargetUserRecord, order: Order, bodies: list[str]
) -> None:
    Parcel(order=order).notify(loft.user)

    class Package(NotificationType):
        key = "shop.Parcel"
        templates = "shop/parcel"
        order: Order

    with known_types(Package):
        list(Run())
    assert bodies == ["#17 for egg at :"]


def test_rows_that_only_look_like_a_type_go_on_as_before(
    loft: TargetUserRecord, bodies: list[str]
) -> None:
    for extra in (
        {"type": "shop.Parcel"},
        {"type": "chat", "params": {}},
        {"type": 7, "params": 1},
    ):
        Notification.objects.create(
            target_user_record=loft,
            title=str(extra),
            extra=extra,
            scheduled_delivery=timezone.now(),
        )
    Notification.objects.create(
        target_user_record=loft,
        title="with a body",
        body="text",
        extra={"type": "shop.Unknown", "params": {}},
        scheduled_delivery=timezone.now(),
    )
    list(Run())
    assert {status for status, _ in statuses().values()} == {Notification.DELIVERED}
    assert sorted(bodies) == ["", "", "", "text"]


def test_a_slice_takes_one_query_for_each_model(loft: TargetUserRecord) -> None:
    class Quiet(Parcel):
        key = "shop.Quiet"

        def should_send(self, user: User) -> bool:
            return True

    with known_types(Quiet):
        for number in range(40):
            order = Order.objects.create(number=number)
            Quiet(order=order).notify(loft.user, idempotency_key=str(number))
        with CaptureQueriesContext(connection) as captured:
            list(Run())
    assert Notification.objects.filter(status=Notification.DELIVERED).count() == 40
    assert len([query for query in captured if "shop_order" in query["sql"]]) == 1


@pytest.mark.parametrize(("relation", "queries"), [("order", 1), ("nonsense", 6)])
def test_declared_relations_are_read_with_a_query_each(
    loft: TargetUserRecord,
    bodies: list[str],
    relation: str,
    queries: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Parcels(NotificationType):
        key = "shop.Parcels"
        targets = ("Loft",)
        templates = "shop/relations"
        prefetch_related: ClassVar[Any] = {"parcels": [relation]}
        parcels: list[shop.Parcel]

    with known_types(Parcels):
        for number in range(0, 6, 2):
            orders = [Order.objects.create(number=number + each) for each in range(2)]
            parcels = [shop.Parcel.objects.create(order=order) for order in orders]
            Parcels(parcels=parcels).notify(loft.user, idempotency_key=str(number))
        with CaptureQueriesContext(connection) as captured:
            list(Run())
    assert sorted(bodies) == ["0 1", "2 3", "4 5"]
    assert len([each for each in captured if 'FROM "shop_order"' in quoted(each["sql"])]) == queries
    # A wrong name costs queries, and no message.
    assert ("nonsense" in caplog.text) is (relation == "nonsense")


def quoted(sql: str) -> str:
    return sql.replace("`", '"')


def test_links_to_unsubscribe_go_on_working(
    email: TargetUserRecord, order: Order, outbox: Outbox, settings: Any
) -> None:
    serve_preferences(settings, USER_LANGUAGE="last_name")
    User.objects.filter(pk=email.user_id).update(last_name="de")
    Shipped(order=order).notify(email.user)
    outbox.deliver()
    message = outbox["email"][0].email
    assert message is not None
    url = message.extra_headers["List-Unsubscribe"].strip("<>")
    assert url.startswith("https://www.example.com/")
    assert url in str(message.alternatives[0][0])
    assert url in message.body
    assert "abbestellen" in message.body.lower()


def test_one_notification_is_sent_alone_likewise(email: TargetUserRecord, order: Order) -> None:
    TargetUserRecord.objects.exclude(pk=email.pk).delete()
    for note in ("", "gone", "unknown"):
        Shipped(order=order, note=note).notify(email.user, idempotency_key=note or "sent")
    sent, gone, unknown = Notification.objects.order_by("created_date")
    assert email_handler.send_notification(sent) == "Email Successfully Sent"
    assert "17 for egg" in str(mail.outbox[0].alternatives[0][0])  # type: ignore[attr-defined]
    with known_types():
        assert email_handler.send_notification(unknown).startswith("Postponed")
    pk = order.pk
    order.delete()
    assert email_handler.send_notification(gone) == f"Order {pk} does not exist any more."
    rows = Notification.objects.order_by("created_date")
    assert [row.status for row in rows] == ["DELIVERED", "CANCELLED", "SCHEDULED"]
    assert [row.body for row in rows] == ["", "", ""]


def test_a_table_that_cannot_be_read_fails_its_rows_for_now(
    loft: TargetUserRecord, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    Parcel(order=order).notify(loft.user)

    def missing(references: Any, relations: Any) -> Any:
        raise ProgrammingError("relation shop_order does not exist")

    monkeypatch.setattr(stored, "read_objects", missing)
    list(Run())
    assert statuses()["Parcel 17"][0] == Notification.RETRY


def test_a_database_that_is_away_leaves_the_rows_as_they_are(
    loft: TargetUserRecord, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    Parcel(order=order).notify(loft.user)

    def away(references: Any, relations: Any) -> Any:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(stored, "read_objects", away)
    with pytest.raises(InterfaceError):
        list(Run())
    row = Notification.objects.get()
    assert (row.status, row.response, row.retry_attempts) == (Notification.SCHEDULED, "", 0)


@in_real_transactions
def test_texts_are_made_in_the_runs_thread_and_not_in_a_lane(
    loft: TargetUserRecord, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = NotificationTarget.objects.create(name="Old", notification_module_name="old")
    TargetUserRecord.objects.create(user=user, target=other, target_user_id="here")
    rendered: set[int] = set()
    sent: set[int] = set()

    class Threads(NotificationType):
        key = "shop.Threads"
        targets = ("Loft", "Old")
        templates = "shop/failing"
        number: int = 0

        def should_send(self, user: User) -> bool:
            rendered.add(threading.get_ident())
            return True

    loft_handler.watchers.append(lambda notification: sent.add(threading.get_ident()))
    with known_types(Threads):
        Threads().notify(user)
        rendered.clear()
        list(Run())
    assert rendered == {threading.get_ident()}
    assert len(sent) == 1
    assert Notification.objects.filter(status=Notification.DELIVERED).count() >= 1
    if TEST_DATABASE != "sqlite":  # whose database in memory has one thread
        assert sent != rendered


def test_texts_can_be_rendered_without_a_row(order: Order) -> None:
    unsaved = Shipped(order=Order(number=5), note="<x>")
    rendered = render(unsaved, target="email", language="de", user=User(username="ann"))
    assert (rendered.title, rendered.text, rendered.subtype) == (
        "Bestellung 5 & unterwegs",
        "de: 5, <x>",
        "html",
    )
    assert rendered.body == "<p>de: 5 for ann, &lt;x&gt;</p>\n"
    assert render(unsaved, target="expo").body == "5 is on its way, <x>"
    # Without a template, the title.
    assert render(unsaved, target="twilio_sms").body == "Order 5 & shipped"


def test_a_worker_of_a_task_engine_renders_what_another_process_claimed(
    loft: TargetUserRecord, order: Order, bodies: list[str]
) -> None:
    Parcel(order=order).notify(loft.user)
    (batch,) = claim_batches()
    message = BatchMessage.from_dict(json.loads(json.dumps(batch.as_dict())))
    assert "order" not in json.dumps(batch.as_dict())
    assert deliver_batch(message) == Summary(1, {"DELIVERED": 1})
    assert bodies == ["#17 for egg at :"]


def test_a_worker_without_the_type_leaves_the_row_to_a_newer_one(
    loft: TargetUserRecord, order: Order
) -> None:
    Parcel(order=order).notify(loft.user)
    (batch,) = claim_batches()
    with known_types():
        assert deliver_batch(batch) == Summary(1, {"SCHEDULED": 1})
        Notification.objects.update(scheduled_delivery=timezone.now())
        (report,) = Run()
    assert (report.is_postponed, report.failed) == (True, False)
    row = Notification.objects.get()
    assert (row.status, row.claim_token, row.retry_attempts) == ("SCHEDULED", None, 0)


def test_every_process_knows_the_types_from_its_start() -> None:
    code = (
        "import django; django.setup()\n"
        "from django_notification_system.message_types.registry import find_type\n"
        "print(find_type('shop.Found').__module__)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert said.stdout == "tests.support.shop.notification_types\n", said.stderr
