"""A no and a run, or two words at once, each in a connection of its own; and the queries' plans."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.delivery.runs import intake
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationOptOut,
    Preference,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.operations.suppressions_csv import SuppressionImport
from django_notification_system.preferences import allows, set_preference, suppress
from django_notification_system.preferences.forms import PreferencesForm
from django_notification_system.preferences.lookup import reasons_of, states_of
from django_notification_system.preferences.owners import UserOwner
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.elsewhere import begin_elsewhere, elsewhere, no_threads
from tests.support.handlers import loft as loft_handler
from tests.support.many_notifications import analyze
from tests.support.plans import plan_of
from tests.support.runs import in_real_transactions

NEWS = Category("news", label="News")


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(NEWS, Category("orders", label="Orders")):
        yield


def news_for_150(loft: TargetUserRecord) -> list[TargetUserRecord]:
    people = [get_user_model()(username=f"person-{number:03}") for number in range(150)]
    get_user_model().objects.bulk_create(people)
    people = sorted(
        get_user_model().objects.filter(username__startswith="person-"),
        key=lambda person: person.username,
    )
    records = TargetUserRecord.objects.bulk_create(
        TargetUserRecord(
            user=person, target=loft.target, target_user_id=person.username, description="Loft"
        )
        for person in people
    )
    due = timezone.now() - timedelta(minutes=5)
    Notification.objects.bulk_create(
        Notification(
            target_user_record=record,
            title=record.target_user_id,
            category="news",
            scheduled_delivery=due + timedelta(seconds=place),
        )
        for place, record in enumerate(records)
    )
    return records


@no_threads
@in_real_transactions
@pytest.mark.parametrize("how", ["set", "bulk", "opt out", "suppress", "import"])
def test_a_no_that_commits_while_its_batch_is_on_the_way_is_heeded(
    loft: TargetUserRecord, how: str
) -> None:
    records = news_for_150(loft)
    late = records[140]

    def change_mind() -> None:
        if how == "set":
            set_preference(late.user, "news", wanted=False, how="one-click")
        elif how == "bulk":
            row = Preference(user_id=late.user_id, target_key="loft", state="no")
            Preference.objects.bulk_set([row], how="import")
        elif how == "import":
            importing = SuppressionImport(using="default", target="loft", reason="stop")
            list(importing.run([(1, {"address": late.target_user_id})], refuse=print))
        elif how == "opt out":
            NotificationOptOut.objects.bulk_create([NotificationOptOut(user_id=late.user_id)])
        else:
            suppress("loft", late.target_user_id, reason="stop")

    def in_the_middle(notification: Notification) -> None:
        if len(loft_handler.flown) == 10:
            elsewhere(change_mind)

    loft_handler.watchers.append(in_the_middle)
    list(Run())
    assert len(loft_handler.flown) == 149
    assert Notification.objects.get(title=late.target_user_id).status == "OPTED OUT"


@no_threads
@in_real_transactions
def test_a_no_at_the_moment_of_a_delivery_leaves_it_delivered(
    user: Any, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for number in range(3):
        make_due(loft, title=f"{number}", category="news")
    committing = threading.Event()
    thread: list[threading.Thread] = []

    def change_mind() -> None:
        with transaction.atomic():
            set_preference(user, "news", wanted=False, how="one-click")
            committing.set()

    def in_the_middle(notification: Notification) -> None:
        if not thread:
            thread.append(begin_elsewhere(change_mind))
            committing.wait(20)

    loft_handler.watchers.append(in_the_middle)
    list(Run())
    thread[0].join()
    sent = set(loft_handler.flown)
    statuses = dict(Notification.objects.values_list("title", "status"))
    assert statuses == {
        title: "DELIVERED" if title in sent else "OPTED OUT" for title in ("0", "1", "2")
    }
    assert not Notification.objects.exclude(claim_token=None).exists()


@no_threads
@in_real_transactions
@pytest.mark.parametrize("attempt", range(3))
def test_words_at_once_leave_one_row_and_a_log_without_gaps(user: Any, attempt: int) -> None:
    start = threading.Barrier(4)
    errors: list[BaseException] = []

    def say(number: int) -> None:
        try:
            start.wait(20)
            set_preference(user, "news", "email", wanted=bool(number % 2), how="page")
        except BaseException as error:
            errors.append(error)

    threads = [begin_elsewhere(lambda number=number: say(number)) for number in range(4)]  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert errors == []
    [row] = Preference.objects.all()
    entries = list(ConsentLog.objects.order_by("id").values_list("before", "after"))
    assert sorted(before for before, _ in entries) == sorted(
        ["", *(after for _, after in entries)][: len(entries)]
    )
    assert row.state in {after for _, after in entries}


def all_at_once(number: int, act: Callable[[], Any]) -> list[BaseException]:
    """Do something in several threads at once, and return the errors."""
    start = threading.Barrier(number)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            start.wait(20)
            act()
        except BaseException as error:
            errors.append(error)

    for thread in [begin_elsewhere(work) for _ in range(number)]:
        thread.join()
    return errors


@no_threads
@in_real_transactions
@pytest.mark.parametrize("attempt", range(3))
def test_the_first_no_to_everything_may_be_said_twice_at_once(user: Any, attempt: int) -> None:
    assert all_at_once(4, lambda: set_preference(user, wanted=False, how="link")) == []
    assert NotificationOptOut.objects.get().active
    assert list(ConsentLog.objects.values_list("before", "after")) == [("", "no")]


@no_threads
@in_real_transactions
@pytest.mark.parametrize("attempt", range(5))
def test_a_page_of_preferences_posted_twice_at_once_is_stored(
    user: Any, loft: TargetUserRecord, attempt: int
) -> None:
    set_preference(user, "news", wanted=False, how="page")
    data = {
        "news:loft": "on",
        "initial-orders:loft": "on",
        "initial-everything": "on",
    }

    def post() -> None:
        form = PreferencesForm(UserOwner(user, how="page"), data)
        assert form.is_valid(), form.errors
        form.save()

    assert all_at_once(4, post) == []
    words = dict(Preference.objects.values_list("category", "state").filter(target_key="loft"))
    assert words == {"news": "yes", "orders": "no"}
    assert not allows(user, "orders", "loft")
    assert NotificationOptOut.objects.get().active


@no_threads
@in_real_transactions
def test_imports_at_once_do_not_deadlock(django_user_model: Any) -> None:
    users = [django_user_model.objects.create_user(f"user-{number}") for number in range(40)]
    start = threading.Barrier(3)
    errors: list[BaseException] = []

    def load(number: int) -> None:
        chosen = users if number % 2 else list(reversed(users))
        try:
            start.wait(20)
            Preference.objects.bulk_set(
                [Preference(user=user, category="news", state="no") for user in chosen],
                how="import",
            )
        except BaseException as error:
            errors.append(error)

    threads = [begin_elsewhere(lambda number=number: load(number)) for number in range(3)]  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert errors == []
    assert Preference.objects.count() == 40


# --- Plans ----------------------------------------------------------------------------------

CATEGORIES_OF_EACH = 60
#: SQLite plans by the indexes alone, as nobody gathers statistics there; servers by the size too.
PEOPLE, SUPPRESSED = (60, 1_000) if TEST_DATABASE == "sqlite" else (300, 20_000)


@in_real_transactions
def test_no_question_reads_more_than_it_asks_about(django_user_model: Any) -> None:
    """Of a large table, and with 60 words of each person, a question reads its own rows."""
    django_user_model.objects.bulk_create(
        django_user_model(username=f"user-{number}") for number in range(PEOPLE)
    )
    ids = list(django_user_model.objects.values_list("pk", flat=True))
    Preference.objects.bulk_create(
        Preference(user_id=key, category=f"c{number}", target_key="email", state="yes")
        for key in ids
        for number in range(CATEGORIES_OF_EACH)
    )
    Suppression.objects.bulk_create(
        Suppression(target_key="email", address_hash=f"{number:064x}", reason="bounce")
        for number in range(SUPPRESSED)
    )
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            tables = f"{Preference._meta.db_table}, {Suppression._meta.db_table}"
            cursor.execute(f"ANALYZE TABLE {tables}")
            cursor.fetchall()
    elif connection.vendor == "postgresql":
        analyze()
    asked = ids[:50]
    with CaptureQueriesContext(connection) as captured:
        assert len(states_of(asked, ["c7"], ["email"], using="default")) == 50
        hashes = [f"{number:064x}" for number in range(SUPPRESSED - 10, SUPPRESSED + 10)]
        assert len(reasons_of(hashes, ["c7"], ["email"], using="default")) == 10
    for query in captured:
        for access in plan_of(query["sql"]).accesses:
            assert not access.whole, query["sql"]
            assert access.index, access
            if access.rows is not None:
                # PostgreSQL may read all words of the 50 people, and nobody else's.
                assert access.rows <= 50 * CATEGORIES_OF_EACH, access


@pytest.mark.django_db
@pytest.mark.parametrize("suppressed", [False, True])
def test_words_and_suppressions_take_one_query_a_batch_and_one_a_slice(
    loft: TargetUserRecord, suppressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine rows may wait so long that they are asked about once more.
    monkeypatch.setattr(intake, "RECHECK_AFTER_SECONDS", 1000)
    if suppressed:
        suppress("loft", "nobody", reason="bounce")
    news_for_150(loft)
    counted = []
    for category in ("", "news"):
        Notification.objects.update(status="SCHEDULED", category=category, claim_token=None)
        with CaptureQueriesContext(connection) as queries:
            list(Run())
        # Not all queries: on a busy machine a run records more often.
        asked = [query for query in queries if asks_for_words(query["sql"])]
        counted.append(len(asked))
    assert len(loft_handler.flown) == 300
    assert counted == [0, 1 + 2]  # the first slice of 50 was just claimed


def asks_for_words(statement: str) -> bool:
    tables = Preference._meta.db_table, Suppression._meta.db_table
    return any(f"{quote}{table}{quote}" in statement for table in tables for quote in '"`')
