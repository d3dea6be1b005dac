"""The Django project of the contenders that need a project."""

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from job import HOST, SENDER, Job


def set_up(job: Job, *apps: str, **more: object) -> None:
    """Configure Django with these apps and settings, and make the tables."""
    settings.configure(
        SECRET_KEY="only for the benchmark",
        USE_TZ=True,
        DATABASES={"default": job.database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *apps],
        DEFAULT_FROM_EMAIL=SENDER,
        EMAIL_HOST=HOST,
        EMAIL_PORT=job.smtp_port,
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        LOGGING_CONFIG=None,
        **more,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def analyze() -> None:
    """Let the database count its rows, as in a project that has run for a while.

    Otherwise PostgreSQL plans queries for empty tables.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
