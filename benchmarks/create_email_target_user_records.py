"""How fast ``create_email_target_user_records`` is, against an ``update_or_create`` for every user.

    python -m benchmarks.create_email_target_user_records [--users 1000000] [--sample 5000]

Needs PostgreSQL, found like the tests' (``tests/databases.py``); the program makes a database there
and drops it. Every run of the command is a separate process. The time is the command's alone, the
peak of memory the whole process's.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["TEST_DATABASE"] = "postgresql"
DATABASE_NAME = f"benchmark_email_records_{os.environ.get('BENCHMARK_RUN', os.getpid())}"

import django  # noqa: E402
from django.conf import settings  # noqa: E402

settings.DATABASES["default"]["TEST"]["NAME"] = DATABASE_NAME
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from django_notification_system.models import NotificationTarget, TargetUserRecord  # noqa: E402

#: One user in a hundred has no address.
FILL = """
    INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email,
                           is_staff, is_active, date_joined)
    SELECT '', false, 'user' || n, 'First' || n, 'Last' || n,
           CASE WHEN n %% 100 = 0 THEN '' ELSE 'user' || n || '@example.com' END,
           false, true, now()
    FROM generate_series(1, %s) AS n
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=5_000, help="users of the rival's run")
    parser.add_argument("--run-command", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run_command:
        run_command()
        return
    original_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        compare(options.users, options.sample)
    finally:
        connection.creation.destroy_test_db(original_name, verbosity=0)


def compare(users: int, sample: int) -> None:
    for size in (10_000, 100_000):
        if size < users:
            fill(size)
            run_in_process(f"{size:>9,} users, no records")
    fill(users)
    # Just before and just after: other work on the machine slows both.
    theirs = [update_or_create_each(0, sample // 2)]
    TargetUserRecord.objects.all().delete()
    ours = run_in_process(f"{users:>9,} users, no records")
    TargetUserRecord.objects.filter(user__in=sampled(sample // 2, sample)).delete()
    theirs.append(update_or_create_each(sample // 2, sample))
    # The command would take over these records as release 1.5.3's, and count them as updated.
    rivals = TargetUserRecord.objects.filter(origin=TargetUserRecord.Origin.MANUAL)
    rivals.update(origin=TargetUserRecord.Origin.USER_EMAIL)
    again = run_in_process(f"{users:>9,} users, nothing to do")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET email = 'new' || email WHERE email <> ''")
        cursor.execute("VACUUM ANALYZE auth_user")
    changed = run_in_process(f"{users:>9,} users, all addresses changed")
    rate = sum(theirs) / len(theirs)
    print(
        f"one update_or_create a user: {rate:,.0f} users/s, the mean of {theirs[0]:,.0f} before and"
        f" {theirs[1]:,.0f} after the command's run, over {sample:,} users in all;"
        f" extrapolated, {users:,} take {users / rate:,.0f} s"
    )
    print(
        f"times that rate: no records {ours / rate:.1f}, nothing to do {again / rate:.1f},", end=""
    )
    print(f" all addresses changed {changed / rate:.1f}")


def fill(users: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE auth_user, notification_system_target_user_record CASCADE")
        cursor.execute(FILL, [users])
        cursor.execute("VACUUM ANALYZE auth_user")


def run_in_process(what: str) -> float:
    """Run the command, print the figures, and return users a second."""
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.create_email_target_user_records", "--run-command"],
        env={**os.environ, "BENCHMARK_RUN": DATABASE_NAME.rpartition("_")[2]},
        check=True,
        capture_output=True,
        text=True,
    )
    measured = json.loads(finished.stdout)
    seconds = measured["seconds"]
    print(
        f"{what}: {seconds:.1f} s, {measured['users'] / seconds:,.0f} users/s,"
        f" peak memory {measured['megabytes']:.1f} MB ({measured['line']})",
        flush=True,
    )
    return float(measured["users"] / seconds)


def run_command() -> None:
    connection.settings_dict["NAME"] = DATABASE_NAME
    users = get_user_model().objects.count()
    output = io.StringIO()
    start = time.perf_counter()
    call_command("create_email_target_user_records", stdout=output)
    seconds = time.perf_counter() - start
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = output.getvalue().strip()
    print(
        json.dumps(
            {"users": users, "seconds": seconds, "megabytes": kilobytes / 1024, "line": line}
        )
    )


def sampled(first: int, last: int) -> list[Any]:
    return list(get_user_model().objects.exclude(email="").order_by("pk")[first:last])


def update_or_create_each(first: int, last: int) -> float:
    """Update users one by one, as release 1.5.3 did, and return users a second."""
    target = NotificationTarget.objects.get(name="Email", notification_module_name="email")
    users = sampled(first, last)
    start = time.perf_counter()
    for user in users:
        TargetUserRecord.objects.update_or_create(
            user=user,
            target=target,
            target_user_id=user.email,
            defaults={
                "active": True,
                "description": f"{user.first_name} {user.last_name}'s Email",
            },
        )
    return len(users) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
