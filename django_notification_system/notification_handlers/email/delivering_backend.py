"""The mail backend that delivers, by the project's settings."""

from typing import Any

from django.conf import settings
from django.core import mail
from django.core.mail.backends import console, dummy, locmem, smtp
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ..base import one_line
from .settings import email_settings

#: Django's backends. All of them send the bytes of ``message.message()``.
DJANGOS = (console.EmailBackend, dummy.EmailBackend, locmem.EmailBackend, smtp.EmailBackend)
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


class DeliversToItself(TargetUnavailable):
    """The email target delivers to the backend that queues its mail."""


def delivering_backend() -> Any:
    """Return the backend that delivers: the email target's, or else the project's default.

    Where Django's test runner keeps all mail in ``django.core.mail.outbox``, the email target's
    backend does so, too.

    Raises:
        TargetUnavailable: When the settings make no backend, or the backend only queues here.
    """
    chosen = email_settings()
    try:
        backend = _backend(chosen.backend, chosen.mailer)
    except Exception as error:
        raise TargetUnavailable(
            _(
                "Django's mail settings make no connection (%s). Correct EMAIL_BACKEND and the"
                " other EMAIL_ settings or, from Django 6.1, MAILERS."
            )
            % one_line(error)
        ) from error
    if getattr(type(backend), "queues_notifications", False):
        raise DeliversToItself(
            _(
                "The email target delivers to the backend that queues its mail, so no mail would"
                " ever go out. Name the backend that delivers:"
                " NOTIFICATION_SYSTEM_TARGETS['email']['backend'] ="
                " 'django.core.mail.backends.smtp.EmailBackend' or, from Django 6.1, ['mailer'] ="
                " the name of an entry of MAILERS."
            )
        )
    return backend


def takes_bytes() -> tuple[str, bool]:
    """Return the delivering backend's dotted name, and whether it sends a message's own bytes.

    Raises:
        TargetUnavailable: See ``delivering_backend()``.
    """
    backend = delivering_backend()
    kind = type(backend)
    return f"{kind.__module__}.{kind.__qualname__}", isinstance(backend, DJANGOS)


def _backend(dotted: str | None, alias: str | None) -> Any:
    mailers = getattr(mail, "mailers", None)
    is_chosen = dotted is not None or alias is not None
    if is_chosen and hasattr(mail, "outbox"):  # set by Django's test runner
        return _instance(LOCMEM)
    if alias is not None:
        if mailers is None:
            raise ValueError("['mailer'] needs Django 6.1; name a ['backend'] instead")
        return mailers[alias]
    if dotted is not None:
        return _instance(dotted)
    # Django 6.1 has mailers, made from the EMAIL_ settings where MAILERS is not set.
    return mail.get_connection() if mailers is None else mailers.default


def _instance(dotted: str) -> Any:
    backend_class = import_string(dotted)
    if hasattr(mail, "mailers") and hasattr(settings, "MAILERS"):
        return backend_class(alias=dotted)
    return backend_class()
