"""What a small project loads, stores and asks; ``python price.py [APP…]`` installs further apps.

Writes, as JSON, the modules that were loaded, the tables, and the statements with which the project
notifies a user by email and delivers.
"""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

apps = ["django.contrib.auth", "django.contrib.contenttypes", "django_notification_system"]
locmem = "django.core.mail.backends.locmem.EmailBackend"
mail = (
    {"MAILERS": {"default": {"BACKEND": locmem}}}
    if django.VERSION >= (6, 1)
    else {"EMAIL_BACKEND": locmem}
)
settings.configure(
    SECRET_KEY="only for the tests",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[*apps, *sys.argv[1:]],
    USE_TZ=True,
    **mail,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402

from django_notification_system import notify  # noqa: E402
from django_notification_system.models import NotificationTarget, TargetUserRecord  # noqa: E402

call_command("migrate", verbosity=0)
user = User.objects.create(username="egg", email="eggs@example.com")
TargetUserRecord.objects.create(
    user=user,
    target=NotificationTarget.objects.get(name="Email"),
    target_user_id=user.email,
)
statements: list[str] = []


def noted(execute, sql, params, many, context):
    statements.append(sql)
    return execute(sql, params, many, context)


with connection.execute_wrapper(noted), redirect_stdout(StringIO()) as output:
    notify(user, "Breakfast", "is ready", target="Email")
    call_command("process_notifications")
json.dump(
    {
        "modules": sorted(sys.modules),
        "tables": connection.introspection.table_names(),
        "statements": statements,
        "output": output.getvalue(),
    },
    sys.stdout,
)
