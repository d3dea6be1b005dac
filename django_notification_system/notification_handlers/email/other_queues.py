"""Mail backends of other packages that queue, and where their queues lead."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def _of_post_office() -> Any:
    if (mailers := getattr(settings, "MAILERS", None)) is not None:
        return mailers.get("default", {}).get("BACKEND", SMTP)
    config = getattr(settings, "POST_OFFICE", {})
    named = config.get("BACKENDS", {}).get("default") or config.get("EMAIL_BACKEND")
    return named or settings.EMAIL_BACKEND


def _of_mailer() -> Any:
    return getattr(settings, "MAILER_EMAIL_BACKEND", SMTP)


def _of_celery_email() -> Any:
    return getattr(settings, "CELERY_EMAIL_BACKEND", SMTP)


#: By a backend's dotted name: returns the name of the backend to which the package gives the mail.
LEADS_TO: Mapping[str, Callable[[], Any]] = {
    "post_office.backends.EmailBackend": _of_post_office,
    "mailer.backend.DbBackend": _of_mailer,
    "djcelery_email.backends.CeleryEmailBackend": _of_celery_email,
}


def leads_back(backend: Any) -> bool:
    """Tell whether a backend of another package gives its mail to the backend that queues here.

    Args:
        backend: Any mail backend.
    """
    kind = type(backend)
    following = LEADS_TO.get(f"{kind.__module__}.{kind.__qualname__}")
    if following is None:
        return False
    try:
        return bool(getattr(import_string(following()), "queues_notifications", False))
    except Exception:
        return False  # the other package says what is wrong with its settings
