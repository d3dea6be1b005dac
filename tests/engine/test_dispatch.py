"""Sending on commit: what is due leaves with its transaction, and an engine can harm nobody."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.delivery.handover import BatchMessage, dispatch, on_commit
from django_notification_system.delivery.handover.dispatch import Rest
from django_notification_system.delivery.handover.time_limit import within
from django_notification_system.mail import QueueBackend
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_creators.email import create_notification
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.handlers import messenger
from tests.support.places import ROOT
from tests.support.runs import in_real_transactions
from tests.support.subprocesses import run_python

ENGINE = {"ENGINE": "tests.support.handlers.messenger", "DISPATCH": "on_commit"}
Records = dict[str, TargetUserRecord]


class ItBrokeError(Exception):
    """What a test's own code raises within a transaction."""


@pytest.fixture(autouse=True)
def given(settings: Any) -> Iterator[list[BatchMessage]]:
    """The batches that the project's engine was given."""
    settings.NOTIFICATION_SYSTEM = ENGINE
    Rest.until = 0.0
    yield messenger.given
    Rest.until = 0.0
    messenger.given.clear()
    messenger.watchers.clear()


def handed_over() -> list[tuple[str, set[str]]]:
    """Return each batch's target and titles, and that its rows are claimed."""
    batches = []
    for batch in messenger.given:
        rows = Notification.objects.filter(pk__in=batch.keys, claim_token=batch.token)
        batches.append((batch.target, set(rows.values_list("title", flat=True))))
    return batches


def claimed() -> int:
    return Notification.objects.exclude(claim_token=None).count()


@in_real_transactions
def test_what_is_due_is_handed_over_when_its_transaction_commits(
    records: Records, make_due: MakeDue
) -> None:
    with transaction.atomic():
        make_due(records["Email"], title="eggs")
        assert messenger.given == []
        assert claimed() == 0
    assert handed_over() == [("Email", {"eggs"})]


@in_real_transactions
def test_queued_mail_is_handed_over_when_its_transaction_commits(records: Records) -> None:
    message = EmailMessage("eggs", "ham", "shop@example.com", ["ann@example.com"])
    with transaction.atomic():
        QueueBackend().send_messages([message])
        assert messenger.given == []
    assert handed_over() == [("Email", {"eggs"})]


@in_real_transactions
def test_without_a_transaction_it_is_handed_over_at_once(
    records: Records, make_due: MakeDue
) -> None:
    make_due(records["Email"], title="eggs")
    Notification.objects.bulk_create([draft(records["Expo"], "ham"), draft(records["Expo"], "tea")])
    assert handed_over() == [("Email", {"eggs"}), ("Expo", {"ham", "tea"})]


@in_real_transactions
def test_a_transaction_is_handed_over_once_for_each_target(
    records: Records, user: Any, make_due: MakeDue
) -> None:
    with transaction.atomic():
        for title in ("eggs", "ham"):
            make_due(records["Email"], title=title)
        Notification.objects.bulk_create([draft(records["Email"], "tea")])
        notify(user, "jam", "Sweet.")
        create_notification(user, "toast", "Hot.")
        Notification.objects.get_or_create(
            user_target=records["Expo"],
            title="milk",
            status="SCHEDULED",
            scheduled_delivery=timezone.now(),
        )
    batches = dict(handed_over())
    assert len(messenger.given) == 3
    assert batches["Email"] == {"eggs", "ham", "tea", "jam", "toast"}
    assert batches["Expo"] == {"jam", "milk"}
    assert batches["Twilio"] == {"jam"}


@in_real_transactions
def test_handing_over_many_takes_no_more_queries_than_one(
    records: Records, make_due: MakeDue
) -> None:
    taken = []
    for number in (1, 6):
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            for index in range(number):
                make_due(records["Email"], title=f"{number} {index}")
        taken.append(len(queries) - number)  # one to insert each
    assert taken[0] == taken[1]


@in_real_transactions
def test_what_is_rolled_back_is_not_handed_over(records: Records, make_due: MakeDue) -> None:
    with suppress(ItBrokeError), transaction.atomic():
        make_due(records["Email"], title="never")
        raise ItBrokeError
    assert messenger.given == []
    with transaction.atomic():
        with suppress(ItBrokeError), transaction.atomic():
            make_due(records["Email"], title="never again")
            raise ItBrokeError
        make_due(records["Email"], title="eggs")
        with transaction.atomic():
            make_due(records["Email"], title="ham")
        with suppress(ItBrokeError), transaction.atomic():
            make_due(records["Email"], title="nor now")
            raise ItBrokeError
    assert handed_over() == [("Email", {"eggs", "ham"})]


@in_real_transactions
def test_what_a_callback_of_the_projects_creates_is_handed_over_too(
    records: Records, make_due: MakeDue
) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: make_due(records["Email"], title="first") and None)
        make_due(records["Email"], title="eggs")
        transaction.on_commit(lambda: make_due(records["Email"], title="last") and None)
    assert handed_over() == [("Email", {"first"}), ("Email", {"eggs"}), ("Email", {"last"})]


@in_real_transactions
def test_what_is_due_later_or_done_with_is_left_alone(records: Records, make_due: MakeDue) -> None:
    later = timezone.now() + timedelta(hours=1)
    make_due(records["Email"], scheduled_delivery=later)
    make_due(records["Email"], title="as text", scheduled_delivery=later.isoformat())
    make_due(records["Email"], title="done", status=Notification.DELIVERED)
    notify(records["Email"].user, "Later", "ham", scheduled_delivery=later)
    assert messenger.given == []
    assert claimed() == 0


@in_real_transactions
def test_saving_again_hands_nothing_over(records: Records, make_due: MakeDue) -> None:
    notification = make_due(records["Email"])
    notification.body = "Another text."
    notification.save()
    assert len(messenger.given) == 1


@in_real_transactions
def test_without_the_setting_nothing_is_handed_over(
    records: Records, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {**ENGINE, "DISPATCH": None}
    make_due(records["Email"])
    assert messenger.given == []
    assert claimed() == 0


@in_real_transactions
def test_a_project_that_commits_by_hand_is_not_disturbed(
    records: Records, make_due: MakeDue
) -> None:
    transaction.set_autocommit(False)
    try:
        make_due(records["Email"])
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert Notification.objects.due().count() == 1
    assert messenger.given == []


@in_real_transactions
def test_asynchronous_code_hands_over_too(records: Records) -> None:
    async def create() -> None:
        await Notification.objects.acreate(
            target_user_record=records["Email"],
            title="eggs",
            status=Notification.SCHEDULED,
            scheduled_delivery=timezone.now(),
        )

    async_to_sync(create)()
    assert handed_over() == [("Email", {"eggs"})]


@in_real_transactions
def test_a_large_transaction_hands_over_no_more_than_a_request_has_time_for(
    records: Records, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {**ENGINE, "BATCH_SIZE": 4}
    monkeypatch.setattr(on_commit, "MOST_HANDED_OVER", 10)
    with suppress(ItBrokeError), transaction.atomic():  # which is nothing to the next one
        Notification.objects.bulk_create(draft(records["Email"], str(index)) for index in range(9))
        raise ItBrokeError
    with transaction.atomic():
        for part in range(3):
            Notification.objects.bulk_create(
                draft(records["Email"], f"{part} {index}") for index in range(5)
            )
    assert [len(titles) for _, titles in handed_over()] == [4, 4, 2]
    assert Notification.objects.due().unclaimed().count() == 5


@in_real_transactions
def test_a_commit_after_very_many_calls_takes_next_to_no_time(records: Records) -> None:
    with transaction.atomic():
        for number in range(on_commit.MOST_HANDED_OVER):
            on_commit.hand_over_on_commit([draft(records["Email"], str(number))], using="default")
        start = time.process_time()
    assert time.process_time() - start < 1


TWO_DATABASES = """
import json, sys, django
from django.conf import settings
folder = sys.argv[1]
entry = {"ENGINE": "django.db.backends.sqlite3"}
settings.configure(
    SECRET_KEY="only for this test",
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django_notification_system"
    ],
    DATABASES={name: {**entry, "NAME": f"{folder}/{name}"} for name in ("default", "other")},
    NOTIFICATION_SYSTEM={"ENGINE": "tests.support.handlers.messenger", "DISPATCH": "on_commit"},
)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django_notification_system.models import NotificationTarget, TargetUserRecord
from tests.support.handlers import messenger
from tests.engine.test_dispatch import draft

records = {}
for name in ("default", "other"):
    call_command("migrate", database=name, verbosity=0)
    user = User.objects.db_manager(name).create_user("egg")
    target = NotificationTarget.objects.using(name).get(name="Email")
    records[name] = TargetUserRecord.objects.using(name).create(
        user=user, target=target, target_user_id="eggs@example.com"
    )
given = []
try:
    with transaction.atomic():
        draft(records["default"], "never").save()
        with transaction.atomic(using="other"):
            draft(records["other"], "eggs").save(using="other")
        given.append([[batch.using, batch.size] for batch in messenger.given])
        raise KeyError
except KeyError:
    with transaction.atomic():
        draft(records["default"], "ham").save()
given.append([[batch.using, batch.size] for batch in messenger.given])
print(json.dumps(given))
"""


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="It makes databases of its own.")
def test_each_database_has_transactions_of_its_own(tmp_path: Path) -> None:
    done = run_python(
        *("-c", TWO_DATABASES, str(tmp_path)),
        folder=ROOT,
        environment={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        [["other", 1]],
        [["other", 1], ["default", 1]],
    ]


# A test's transaction never commits; Django and pytest-django run what waits for it.


def test_in_a_test_only_what_was_created_meanwhile_is_handed_over(
    records: Records,
    make_due: MakeDue,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    make_due(records["Email"], title="of the set-up")
    with django_capture_on_commit_callbacks(execute=True):
        make_due(records["Email"], title="eggs")
        make_due(records["Email"], title="ham")
    assert handed_over() == [("Email", {"eggs", "ham"})]
    with django_capture_on_commit_callbacks(execute=True):
        make_due(records["Email"], title="tea")
    assert handed_over()[1:] == [("Email", {"tea"})]


# --- An engine that fails -------------------------------------------------------------------


@in_real_transactions
def test_an_engine_that_fails_harms_nobody_and_is_left_alone_for_a_while(
    records: Records, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(batch: BatchMessage) -> None:
        calls.append(batch)
        raise ConnectionError("amqp://shop:hunter2@broker.example.com is down")

    calls: list[BatchMessage] = []
    messenger.watchers.append(fail)
    with transaction.atomic():
        make_due(records["Email"], title="eggs", body="a secret body")
        make_due(records["Expo"], title="ham", body="a secret body")
    make_due(records["Email"], title="tea")
    assert len(calls) == 1
    assert Notification.objects.due().unclaimed().count() == 3
    [record] = caplog.records
    assert (record.name, record.levelno) == ("django_notification_system", logging.ERROR)
    assert "ConnectionError" in record.getMessage()
    assert record.exc_info is None
    assert not {"hunter2", "secret", "eggs"} & set(record.getMessage().split())
    messenger.watchers.clear()
    Rest.until = 0.0  # the while is over
    make_due(records["Email"], title="jam")
    assert handed_over() == [("Email", {"jam"})]


@in_real_transactions
def test_an_engine_that_does_not_import_harms_nobody(
    records: Records, make_due: MakeDue, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFICATION_SYSTEM = {**ENGINE, "ENGINE": "no.such.engine"}
    make_due(records["Email"])
    assert Notification.objects.due().unclaimed().count() == 1
    assert "NotificationSystemError" in caplog.text


@in_real_transactions
def test_whoever_interrupts_the_engine_leaves_nothing_claimed(
    records: Records, make_due: MakeDue
) -> None:
    def interrupt(batch: BatchMessage) -> None:
        raise KeyboardInterrupt

    messenger.watchers.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_due(records["Email"])
    assert Notification.objects.due().unclaimed().count() == 1


@in_real_transactions
def test_a_slow_engine_is_given_no_more_after_a_while(
    records: Records, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {**ENGINE, "BATCH_SIZE": 1}
    monkeypatch.setattr(dispatch, "BEGIN_SECONDS", 0.25)
    # By a clock that stands still but in the engine, however busy the machine is.
    monkeypatch.setattr(
        dispatch, "time", SimpleNamespace(monotonic=lambda: 0.1 * len(messenger.given))
    )
    Notification.objects.bulk_create(draft(records["Email"], str(index)) for index in range(9))
    assert claimed() == len(messenger.given) == 3


@in_real_transactions
def test_whoever_commits_waits_no_longer_though_the_engine_took_some_batches(
    records: Records, monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {**ENGINE, "BATCH_SIZE": 1}
    monkeypatch.setattr(dispatch, "MOST_SECONDS", 0.5)
    is_over = threading.Event()

    def hang(batch: BatchMessage) -> None:
        if messenger.given:
            within(20, lambda: is_over.wait(20))

    messenger.watchers.append(hang)
    began = time.monotonic()
    try:
        Notification.objects.bulk_create(draft(records["Email"], str(index)) for index in range(3))
        assert time.monotonic() - began < 15  # the engine hangs for 20
    finally:
        is_over.set()
    assert len(messenger.given) == claimed() == 1
    assert "TimeoutError" in caplog.text


def test_a_call_that_hangs_is_left_behind() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as silent,
    ):
        silent.settimeout(60)  # a call that is waited for would raise another TimeoutError
        with pytest.raises(TimeoutError, match=r"more than 0\.2 seconds"):
            within(0.2, lambda: silent.recv(1))
        server.accept()[0].close()  # the call ends
    within(1, lambda: None)
    with pytest.raises(ItBrokeError):
        within(1, break_it)
    with pytest.raises(RuntimeError, match="SystemExit"):
        within(1, exit_it)


def break_it() -> None:
    raise ItBrokeError


def exit_it() -> None:
    raise SystemExit("a library's idea")


def draft(record: TargetUserRecord, title: str) -> Notification:
    return Notification(
        target_user_record=record,
        title=title,
        status=Notification.SCHEDULED,
        scheduled_delivery=timezone.now(),
        retry_time_interval=60,
    )
