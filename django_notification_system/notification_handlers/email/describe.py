"""The email target's description, except for the look of a mail and the rules of its content."""

import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from django.utils import translation
from django.utils.translation import gettext as _

from ...delivery.handlers.concurrency import concurrency_within
from ...exceptions import TargetUnavailable
from ...models.address import comparable
from ...models.reserved import QUEUED_MAIL
from ..checks import error
from .connection_pool import ConnectionPool
from .delivering_backend import DeliversToItself, delivering_backend, fault_of_backend
from .html_filters import faults_of_filters
from .people_in_headers import ORIGINAL_RECIPIENT, may_name_people
from .sender_address import correct_sender, fault_of_sender
from .settings import email_settings

#: Errors of a backend's dotted name, and of an entry of MAILERS.
FAULTS_OF_SETTINGS = (ImportError, TypeError, ImproperlyConfigured)
#: Keys of ``extra`` that bring the project's files into a mail. Whoever may set one could mail
#: themself any file of the storage.
FILES_IN_EXTRA = ("attachments", "template_name")
#: Keys of ``extra`` that set further recipients, the sender, or the recipients of answers. Whoever
#: may set one could write to any address in the world, or in anybody's name.
DIRECTIONS_IN_EXTRA = ("cc", "bcc", "reply_to", "headers", QUEUED_MAIL)
#: Names in a mail's ``extra`` for further recipients, and for the recipients of answers.
PEOPLE_IN_EXTRA = frozenset({"cc", "bcc", "reply_to"})
#: Attributes of a queued mail, as django-anymail has them, that may name people to a provider.
OF_PROVIDERS = frozenset({"esp_extra", "merge_data", "merge_headers", "merge_metadata"})


def check() -> Iterator[CheckMessage]:
    """Yield faults of the sender's address, the backend, and the filters of HTML."""
    try:
        address = email_settings().from_email or settings.DEFAULT_FROM_EMAIL
        filters = email_settings().html_filters
    except (TargetUnavailable, AttributeError, TypeError):
        return  # the other checks say so
    for said in faults_of_filters(filters):
        yield error(22, said)
    with translation.override(None):  # checks are English
        yield from _check_backend()
        if isinstance(address, str) and (fault := fault_of_sender(address)):
            yield error(14, f"{fault} {correct_sender()}")


def _check_backend() -> Iterator[CheckMessage]:
    """Yield an error where the email target's backend is none, or queues its mail again."""
    chosen = email_settings()
    if chosen.backend is not None and chosen.mailer is not None:
        yield error(18, "The email target has a 'backend' and a 'mailer'.", "Keep one of them.")
    if chosen.mailer is not None and not hasattr(mail, "mailers"):
        yield error(
            18,
            "The email target's 'mailer' needs Django 6.1.",
            "Name a 'backend' instead, such as 'django.core.mail.backends.smtp.EmailBackend'.",
        )
        return
    if chosen.backend is not None and (said := fault_of_backend(chosen.backend)):
        yield error(
            18,
            f"The email target's 'backend' has no options beside MAILERS: {said}",
            "Name an entry of MAILERS with the backend and its OPTIONS, and set"
            " NOTIFICATION_SYSTEM_TARGETS['email']['mailer'] to the entry's name, without a"
            " 'backend'.",
        )
        return
    try:
        delivering_backend()
    except DeliversToItself as fault:
        yield error(18, str(fault))
    except TargetUnavailable as fault:
        # Other faults, such as a provider's missing key, are told by the first run, as in every
        # project: a check would stop the other targets, too.
        is_chosen = chosen.backend is not None or chosen.mailer is not None
        if is_chosen and isinstance(fault.__cause__, FAULTS_OF_SETTINGS):
            yield error(18, str(fault))


def destination() -> str:
    """Return the mail server's host and port, or the backend's name where there is no server."""
    try:
        pool = ConnectionPool(1, concurrency_within(1, time.monotonic()))
    except TargetUnavailable:
        return ""  # the handler says so
    with pool, pool.borrow() as connection:
        if pool.is_local:
            return _("%(backend)s, which sends no mail") % {"backend": connection.backend_name}
        return connection.server or connection.backend_name


def fault_of_address(address: str) -> str:
    """Return an email address's fault, without the address; or an empty text.

    Args:
        address: The address.
    """
    try:
        validate_email(address)
    except ValidationError:
        return "is no email address. Give the address alone, such as ann@example.com."
    return ""


def comparable_address(address: str) -> str:
    """Return an equal text for all spellings of an email address; case does not count.

    Args:
        address: The address.
    """
    return comparable(address)


def own_addresses(user: Any) -> Iterator[str]:
    """Yield the address in the user model's field for email, if the user has one.

    Args:
        user: The user.
    """
    address = getattr(user, get_user_model().get_email_field_name(), "") or ""
    if address.strip():
        yield address


def redirected_extra(extra: dict[str, Any], address: str) -> dict[str, Any]:
    """Return ``extra`` without names of people, and with a header for the record's address.

    Args:
        extra: The notification's ``extra``.
        address: The record's own address; the mail does not go there.
    """
    if isinstance(mail_of_queue := extra.get(QUEUED_MAIL), dict):
        return {**extra, QUEUED_MAIL: _redirected_mail(mail_of_queue, address)}
    kept = {name: value for name, value in extra.items() if name not in PEOPLE_IN_EXTRA}
    headers = kept.get("headers") or {}
    if not isinstance(headers, dict):
        return kept  # the handler reports the fault
    headers = {
        name: value for name, value in headers.items() if not may_name_people(name, str(value))
    }
    if address.isprintable() and address:
        headers[ORIGINAL_RECIPIENT] = address
    return {**kept, "headers": headers}


def _redirected_mail(queued: dict[str, Any], address: str) -> dict[str, Any]:
    """Return a queued mail's parts without names of people; the record's address gets the mail."""
    people = {"to", "cc", "bcc", "reply_to", "recipients"}
    kept = {name: value for name, value in queued.items() if name not in people}
    if attributes := queued.get("attributes"):
        # A provider takes recipients from esp_extra, and texts by recipient from the others.
        kept["attributes"] = {
            name: value for name, value in attributes.items() if name not in OF_PROVIDERS
        }
    if queued.get("bytes"):
        original = address if address.isprintable() else ""
        return {**kept, "recipients": None, "original": original}
    headers = [
        [name, value]
        for name, value in queued.get("headers", ())
        if not may_name_people(name, str(value))
    ]
    if address.isprintable() and address:
        headers.append([ORIGINAL_RECIPIENT, address])
    return {**kept, "to": None, "headers": headers}
