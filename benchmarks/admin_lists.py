"""How long the admin's pages take with 10,000 and with 1,000,000 notifications, on PostgreSQL.

Run ``python -m benchmarks.admin_lists``. The program makes a test database and drops it.
"""

import io
import os
import time
from datetime import timedelta

os.environ["TEST_DATABASE"] = "postgresql"
os.environ.setdefault("TEST_DATABASE_SUFFIX", "_admin_lists")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_notification_system.models import NotificationTarget  # noqa: E402

SIZES = (10_000, 1_000_000)
NOTIFICATIONS_PER_USER = 10
REPETITIONS = 10
STATUS = "notification_status"
ADMIN = "/admin/django_notification_system"
BY_TARGET = "target_user_record__target__id__exact"
PAGES = {
    "notifications, page 1": f"{ADMIN}/notification/",
    "notifications, page 100": f"{ADMIN}/notification/?p=100",
    "notifications, by status": f"{ADMIN}/notification/?status__exact=RETRY",
    "notifications, by target": f"{ADMIN}/notification/?{BY_TARGET}={{expo}}",
    "notifications, not attempted": f"{ADMIN}/notification/?attempted_delivery__isempty=1",
    "notifications, a month": f"{ADMIN}/notification/?scheduled_delivery__year={{day.year}}"
    "&scheduled_delivery__month={day.month}",
    "notifications, by error": f"{ADMIN}/notification/?error=550+5.1.1+No+such+mailbox",
    "notifications, of a person": f"{ADMIN}/notification/?person={{person}}",
    "dashboard, 24 hours": f"{ADMIN}/notification/dashboard/",
    "dashboard, 7 days": f"{ADMIN}/notification/dashboard/?span=week",
    "search, many found": f"{ADMIN}/notification/?q=order",
    "search, a user's address": f"{ADMIN}/notification/?q=user777@",
    "search, nothing found": f"{ADMIN}/notification/?q=nowhere",
    "user targets, page 1": f"{ADMIN}/usertarget/",
    "user targets, search": f"{ADMIN}/usertarget/?q=user777@",
    "autocomplete of a record": "/admin/autocomplete/?app_label=django_notification_system"
    "&model_name=notification&field_name=target_user_record&term=user777@",
    "notification_status, the command": STATUS,
}

USERS = """
    INSERT INTO auth_user (username, email, first_name, last_name, password, is_superuser,
                           is_staff, is_active, date_joined)
    SELECT 'user' || n, 'user' || n || '@example.com', 'User', 'Number ' || n, '', false,
           false, true, now()
    FROM generate_series(%s, %s) n
"""
RECORDS = """
    INSERT INTO notification_system_target_user_record
        (id, user_id, target_id, target_user_id, description, active, created_date, modified_date)
    SELECT gen_random_uuid(), u.id, t.id, u.email, u.first_name || '''s ' || t.name, true,
           now(), now()
    FROM auth_user u CROSS JOIN notification_system_target t
    WHERE t.name IN ('Email', 'Twilio', 'Expo') AND NOT EXISTS (
        SELECT FROM notification_system_target_user_record r WHERE r.user_id = u.id)
"""
NUMBERED_RECORDS = """
    CREATE TEMPORARY TABLE numbered_records AS
    SELECT id, target_id, row_number() OVER () AS row FROM notification_system_target_user_record;
    ANALYZE numbered_records
"""
# One in 100 waits or is to be tried again, as where notifications are kept.
NOTIFICATIONS = """
    INSERT INTO notification_system_notification
        (id, target_user_record_id, target_id, title, body, extra, status, response,
         scheduled_delivery, attempted_delivery, retry_time_interval, retry_attempts,
         max_retries, created_date, modified_date)
    SELECT gen_random_uuid(), r.id, r.target_id, 'Your order ' || n, repeat('lorem ipsum ', 20),
           '{{}}',
           CASE n %% 200 WHEN 0 THEN 'SCHEDULED' WHEN 100 THEN 'RETRY'
               WHEN 50 THEN 'DELIVERY FAILURE' ELSE 'DELIVERED' END,
           CASE n %% 200 WHEN 0 THEN '' WHEN 100 THEN 'Too slow'
               WHEN 50 THEN '550 5.1.1 No such mailbox' ELSE 'Email Successfully Sent' END,
           now() - n * interval '1 minute',
           CASE WHEN n %% 200 > 0 THEN now() - n * interval '1 minute' END,
           60, 0, 3, now(), now()
    FROM generate_series(%s, %s) n JOIN numbered_records r ON r.row = 1 + n %% {records}
"""


def main() -> None:
    setup_test_environment()
    created = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        compare()
    finally:
        connection.creation.destroy_test_db(created, verbosity=0)


def compare() -> None:
    user = get_user_model().objects.create_superuser("admin", "admin@example.com", "admin")
    client = Client()
    client.force_login(user)
    expo = NotificationTarget.objects.get(name="Expo").pk
    # In both sizes: the smaller table has the notifications due in the past week.
    day = timezone.now() - timedelta(days=3)
    measured: dict[str, list[tuple[int, float]]] = {name: [] for name in PAGES}
    filled = 0
    for size in SIZES:
        fill(filled, size)
        filled = size
        person = get_user_model().objects.get(username="user777").pk
        for name, address in PAGES.items():
            page = address.format(expo=expo, person=person, day=day)
            measured[name].append(measure(client, page))
    small, large = (f"{size:,}" for size in SIZES)
    print(f"{'':32} {small + ' rows':>22} {large + ' rows':>22} {'ratio':>7}")
    for name, ((few, fast), (many, slow)) in measured.items():
        print(
            f"{name:32} {few:>3} queries {fast:>8.1f} ms {many:>3} queries {slow:>8.1f} ms"
            f" {slow / fast:>7.1f}"
        )


def fill(first: int, last: int) -> None:
    users = (first // NOTIFICATIONS_PER_USER + 1, last // NOTIFICATIONS_PER_USER)
    with connection.cursor() as cursor:
        cursor.execute(USERS, users)
        cursor.execute(RECORDS)
        cursor.execute(NUMBERED_RECORDS)
        cursor.execute("SELECT count(*) FROM numbered_records")
        (records,) = cursor.fetchone()
        cursor.execute(NOTIFICATIONS.format(records=records), (first + 1, last))
        cursor.execute("DROP TABLE numbered_records")
        cursor.execute("VACUUM ANALYZE")


def measure(client: Client, address: str) -> tuple[int, float]:
    """Return the queries of a page, and the milliseconds of the fastest of some visits."""
    with CaptureQueriesContext(connection) as queries:
        visit(client, address)
        number = len(queries)
        if os.environ.get("SHOW_QUERIES"):
            print(*(f"{query['time']} {query['sql']}" for query in queries), sep="\n")
    milliseconds = []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        visit(client, address)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return number, min(milliseconds)


def visit(client: Client, address: str) -> None:
    if address == STATUS:
        call_command(STATUS, stdout=io.StringIO())
        return
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)


if __name__ == "__main__":
    main()
