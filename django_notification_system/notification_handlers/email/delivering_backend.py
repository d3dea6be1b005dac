"""The mail backend that delivers, by the project's settings."""

import sys
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends import console, dummy, locmem, smtp
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ..base import one_line
from .other_queues import leads_back
from .settings import EmailSettings, email_settings

#: Django's backends. All of them send the bytes of ``message.message()``.
DJANGO_BACKENDS = (console.EmailBackend, dummy.EmailBackend, locmem.EmailBackend, smtp.EmailBackend)
#: Backends of other packages that do so: https://github.com/django-ses/django-ses
OTHER_BACKENDS = frozenset({"django_ses.SESBackend"})
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


class DeliversToItself(TargetUnavailable):
    """The email target delivers to the backend that queues its mail."""


def delivering_backend() -> Any:
    """Return the backend that delivers: the email target's, or else the project's default.

    Where Django's test environment keeps all mail in ``django.core.mail.outbox``, the email
    target's backend does so, too.

    Raises:
        TargetUnavailable: When the settings make no backend, or the backend only queues here.
    """
    chosen = email_settings()
    try:
        backend = _backend(chosen.backend, chosen.mailer)
    except Exception as error:
        raise TargetUnavailable(_correction(chosen, error)) from error
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
    if leads_back(backend):
        raise DeliversToItself(
            _(
                "The email target delivers to %s, which gives the mail back to the backend that"
                " queues it, so no mail would ever go out. Name a backend that delivers:"
                " NOTIFICATION_SYSTEM_TARGETS['email']['backend'] ="
                " 'django.core.mail.backends.smtp.EmailBackend'."
            )
            % f"{type(backend).__module__}.{type(backend).__qualname__}"
        )
    return backend


def _correction(chosen: EmailSettings, error: Exception) -> str:
    """Return why the settings make no backend, with the name of the setting to correct."""
    said = one_line(error)
    if chosen.mailer is None and chosen.backend is None:
        return (
            _(
                "Django's mail settings make no connection (%s). Correct EMAIL_BACKEND and the"
                " other EMAIL_ settings or, from Django 6.1, MAILERS."
            )
            % said
        )
    if chosen.mailer is None:
        return (
            _(
                "NOTIFICATION_SYSTEM_TARGETS['email']['backend'] makes no connection (%s). Correct"
                " the dotted name, or the backend's own settings. Beside MAILERS a backend has no"
                " options: name an entry of MAILERS in ['mailer'] instead."
            )
            % said
        )
    mailers = getattr(mail, "mailers", None)
    if mailers is None:
        return _(
            "NOTIFICATION_SYSTEM_TARGETS['email']['mailer'] needs Django 6.1. Name a ['backend']"
            " instead, such as 'django.core.mail.backends.smtp.EmailBackend'."
        )
    if chosen.mailer not in mailers:
        return _(
            "NOTIFICATION_SYSTEM_TARGETS['email']['mailer'] is %(name)s, and MAILERS has %(known)s."
            " Correct the name, or add the entry."
        ) % {"name": repr(chosen.mailer), "known": ", ".join(map(repr, mailers)) or _("no entry")}
    return _(
        "MAILERS[%(name)s], which NOTIFICATION_SYSTEM_TARGETS['email']['mailer'] names, makes no"
        " connection (%(said)s). Correct its BACKEND and OPTIONS."
    ) % {"name": repr(chosen.mailer), "said": said}


def takes_bytes() -> tuple[str, bool]:
    """Return the delivering backend's dotted name, and whether it sends a message's own bytes.

    A backend says so itself by an attribute ``sends_message_bytes``.

    Raises:
        TargetUnavailable: See ``delivering_backend()``.
    """
    backend = delivering_backend()
    declared = getattr(backend, "sends_message_bytes", None)
    names = [f"{each.__module__}.{each.__qualname__}" for each in type(backend).__mro__]
    if declared is None:
        is_able = isinstance(backend, DJANGO_BACKENDS) or not OTHER_BACKENDS.isdisjoint(names)
    else:
        is_able = bool(declared)
    return names[0], is_able


def fault_of_backend(dotted: str) -> str:
    """Return why a backend cannot be made beside ``MAILERS``, or an empty text.

    From Django 6.1, a backend beside ``MAILERS`` has no options: the ``EMAIL_`` settings are gone.

    Args:
        dotted: The backend's dotted name.
    """
    if not (hasattr(mail, "mailers") and hasattr(settings, "MAILERS")):
        return ""
    try:
        if isinstance(import_string(dotted), type):
            _instance(dotted)
    except ImportError:
        return ""  # not of its options
    except Exception as error:
        return one_line(error)
    return ""


def _backend(dotted: str | None, alias: str | None) -> Any:
    mailers = getattr(mail, "mailers", None)
    is_chosen = dotted is not None or alias is not None
    if is_chosen and _is_in_test_environment():
        return _instance(LOCMEM)
    if alias is not None:
        if mailers is None:
            raise ImproperlyConfigured("MAILERS came with Django 6.1")
        return mailers[alias]
    if dotted is not None:
        return _instance(dotted)
    # Django 6.1 has mailers, made from the EMAIL_ settings where MAILERS is not set.
    return mail.get_connection() if mailers is None else mailers.default


def _is_in_test_environment() -> bool:
    """Tell whether ``setup_test_environment()`` keeps all mail in ``django.core.mail.outbox``.

    The outbox alone does not say so: every locmem backend makes one, in production too.
    """
    utils = sys.modules.get("django.test.utils")
    is_set_up = utils is not None and hasattr(utils._TestState, "saved_data")
    return is_set_up and hasattr(mail, "outbox")


def _instance(dotted: str) -> Any:
    backend_class = import_string(dotted)
    if hasattr(mail, "mailers") and hasattr(settings, "MAILERS"):
        return backend_class(alias=dotted)
    return backend_class()
