"""Times, numbers and texts from providers, however odd: rows stay readable and runs go on."""

from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed_zone
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system import notify
from django_notification_system.delivery.outcomes.apply import apply
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.retry_after import not_before
from django_notification_system.outcome import Outcome, Receipt, ReceiptResult
from django_notification_system.testing.providers import Answer, ProviderStandIn
from tests.conftest import MakeDue
from tests.support.admin_site import address
from tests.support.expo_support import configure

EAST, WEST = fixed_zone(timedelta(hours=14)), fixed_zone(timedelta(hours=-14))

#: What a provider may name in place of a time.
NO_TIMES: list[Any] = [
    datetime(1, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    datetime(1, 1, 1, tzinfo=EAST),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC).replace(tzinfo=None),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=WEST),
    datetime(9999, 12, 31, tzinfo=UTC),
    "2026-11-24T08:00:01Z",
    1_800_000_000,
    timedelta(days=1),
]


@pytest.fixture
def flown(loft: TargetUserRecord, make_due: MakeDue) -> Notification:
    """A notification that the loft has taken, under the name ``ring-1``."""
    make_due(loft, title="1")
    list(Run())
    return Notification.objects.get()


def report(at: Any, result: ReceiptResult = ReceiptResult.CONFIRMED) -> int:
    return record_receipts("loft", [Receipt("ring-1", "arrived", result, at=at)])


@pytest.mark.parametrize("at", NO_TIMES, ids=str)
@pytest.mark.parametrize("result", [ReceiptResult.CONFIRMED, ReceiptResult.FAILED])
def test_a_time_that_cannot_be_true_is_the_present(
    at: Any, result: ReceiptResult, flown: Notification, admin_client: Client
) -> None:
    assert report(at, result) == 1
    flown.refresh_from_db()
    moments = [*flown.attempts.values_list("attempted_at", flat=True)]
    if result is ReceiptResult.CONFIRMED:
        moments.append(flown.confirmed_at)
    assert moments
    for moment in moments:
        assert flown.attempted_delivery <= moment <= timezone.now()
    assert admin_client.get(address(Notification)).status_code == 200


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_time_since_the_attempt_counts(use_tz: bool, flown: Notification, settings: Any) -> None:
    if connection.vendor == "postgresql" and not use_tz:
        pytest.skip("its connection has its zone from when it was made")
    long_ago = timezone.now() - timedelta(hours=2)
    Notification.objects.update(attempted_delivery=long_ago)
    settings.USE_TZ = use_tz
    at = long_ago.astimezone(EAST) + timedelta(hours=1)
    report(at)
    flown.refresh_from_db()
    confirmed_at = flown.confirmed_at
    assert confirmed_at is not None
    assert confirmed_at.replace(tzinfo=UTC) == at


@pytest.mark.parametrize("seconds", [-200, -0.5, 200])
def test_anothers_clock_may_be_minutes_off(seconds: float, flown: Notification) -> None:
    at = flown.attempted_delivery + timedelta(seconds=seconds)
    report(at)
    flown.refresh_from_db()
    assert flown.confirmed_at == max(at, flown.attempted_delivery)


@pytest.mark.parametrize(
    "message_id", ["ring\x00-1", "ring-\ud800", "\x00", "r" * 5000, "ring-1' OR 1=1"]
)
def test_any_text_may_be_a_messages_name(message_id: str, flown: Notification) -> None:
    receipt = Receipt(message_id, "a\x00" * 90, ReceiptResult.CONFIRMED, "said\x00 \ud800")
    assert record_receipts("loft", [receipt]) in (0, 1)


def test_a_long_name_is_looked_up_as_it_is_stored(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="1" * 100)
    list(Run())
    message_id = "ring\x00-" + "1" * 100
    assert record_receipts("loft", [Receipt(message_id, "x", ReceiptResult.CONFIRMED)]) == 1


@pytest.mark.parametrize("not_before", NO_TIMES, ids=str)
def test_a_handlers_time_that_cannot_be_true_moves_no_attempt(
    not_before: Any, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email)
    now = timezone.now()
    outcome = Outcome.retry(notification, "Later.", not_before=not_before)
    apply(outcome, at=now, due_by=now, when_unknown="retry")
    assert notification.scheduled_delivery == now + timedelta(minutes=60)


DATES = st.from_regex(
    r"[A-Z][a-z]{2}, [0-9]{1,20} [A-Z][a-z]{2} [0-9]{1,30} [0-9:]{1,20} [-+]?[0-9A-Z]{1,9}",
    fullmatch=True,
)


@given(st.text() | st.from_regex(r"-?[0-9_. ]+", fullmatch=True) | DATES)
def test_any_retry_after_is_a_wait_of_up_to_a_day_or_none(header: str) -> None:
    before = timezone.now()
    moment = not_before(header)
    if moment is not None:
        assert before <= moment <= timezone.now() + timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("9" * 100, 86_400),
        ("9" * 5000, None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 -1400", 86_400),
        ("Mon, 01 Jan 0001 00:00:00 +1400", 0),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2030 00:00:00 +9999999999999", None),
        ("-5", None),
        ("1_0", None),
        ("soon", None),
        ("12\x000", None),
    ],
)
def test_what_a_retry_after_says(header: str, seconds: int | None) -> None:
    before = timezone.now()
    moment = not_before(header)
    if seconds is None:
        assert moment is None
    else:
        assert moment is not None
        assert abs(moment - before - timedelta(seconds=seconds)) < timedelta(seconds=5)


@pytest.mark.usefixtures("without_collection")
@pytest.mark.odd_requests
@pytest.mark.parametrize(
    "text",
    [
        '{"data": ' + "9" * 5000 + "}",
        "[" * 100_000,
        '{"data": {"a": ' * 20_000,
        '{"data": NaN}',
        "\x00",
        '"\\ud800"',
    ],
    ids=lambda text: text[:12],
)
def test_an_answer_that_is_no_sane_json_stops_nothing(
    text: str,
    providers: ProviderStandIn,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, receipts_after=0)
    providers.on_request = lambda request: (
        Answer(status=200, text=text) if request.path.endswith("getReceipts") else None
    )
    notification = make_due(records["Expo"])
    call_command("process_notifications")
    call_command("process_notifications", "--receipts-only")
    notification.refresh_from_db()
    assert (notification.status, notification.confirmed_at) == ("DELIVERED", None)
    assert any(request.path.endswith("getReceipts") for request in providers.requests)


AT_THE_ENDS = [moment for moment in NO_TIMES[:7] if moment.year != 1970]


@pytest.mark.parametrize("name", ["scheduled_delivery", "expires_at"])
@pytest.mark.parametrize("moment", AT_THE_ENDS, ids=str)
def test_a_moment_that_some_time_zone_has_not_is_refused(
    moment: datetime, name: str, email: TargetUserRecord
) -> None:
    with pytest.raises(InvalidNotification, match=f"{name} is .* out of range"):
        notify(email.user, "Hello", "World", **{name: moment})
    values: dict[str, Any] = {"scheduled_delivery": timezone.now(), name: moment}
    notification = Notification(target_user_record=email, title="Hello", body="World", **values)
    with pytest.raises(ValidationError) as refused:
        notification.clean()
    assert refused.value.message_dict[name] == ["This moment is out of range in other time zones."]
