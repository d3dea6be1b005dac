"""The Django project of the contenders that need a project."""

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from job import HOST, PLACEHOLDERS, SENDER, Job, html_body

#: The template of mails that are rendered at delivery.
TEMPLATE = "order.html"
ENGINE = "django.template.backends.django.DjangoTemplates"
CACHED = "django.template.loaders.cached.Loader"
APPS = "django.template.loaders.app_directories.Loader"


def page() -> tuple[str, dict[str, str]]:
    """Return the loader that knows the template, and the template."""
    return "django.template.loaders.locmem.Loader", {TEMPLATE: html_body(PLACEHOLDERS)}


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
        MEDIA_ROOT=f"{job.folder}/media",
        TEMPLATES=[{"BACKEND": ENGINE, "OPTIONS": {"loaders": [(CACHED, [APPS, page()])]}}],
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
