"""Writes, as JSON, what the inbox says where the project's user model has ``HasNotifications``."""

import json
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import include, path

settings.configure(
    SECRET_KEY="only for the tests",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "people",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django_notification_system",
        "django_notification_system.contrib.inbox",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    AUTH_USER_MODEL="people.Person",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402

from django_notification_system.contrib.inbox.compat import notify  # noqa: E402

urlpatterns = [path("inbox/", include("django_notification_system.contrib.inbox.urls"))]
call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)
call_command("migrate", verbosity=0)
Person = get_user_model()
egg, ann = (Person.objects.create_user(f"{name}@example.com") for name in ("egg", "ann"))
notify.send(ann, recipient=Person.objects.all(), verb="logged in")
client = Client()
client.force_login(egg)
[item] = egg.notifications.unread()
json.dump(
    {
        "title": item.event.title,
        "actor": item.event.actor == ann,
        "unread": client.get("/inbox/unread/").json()["unread"],
        "read": egg.notifications.mark_all_as_read(),
        "left": [person.notifications.unread().count() for person in (egg, ann)],
    },
    sys.stdout,
)
