"""Links in messages: signed tokens that name a record, and the addresses of the pages.

A token has no moment and no user. So all attempts of a message have the same bytes, a link works
for years, and an address that has changed hands speaks for nobody else.
"""

import base64
import binascii
import uuid
from dataclasses import dataclass

from django.core.signing import BadSignature, Signer
from django.urls import NoReverseMatch, reverse

from ..conf import engine_settings
from ..models import TargetUserRecord

APP_NAME = "django_notification_system_preferences"
UNSUBSCRIBE = "django_notification_system.unsubscribe"
PREFERENCES = "django_notification_system.preferences"
#: A UUID's 16 bytes in base64 without padding.
RECORD_LENGTH = 22


@dataclass(frozen=True)
class Subject:
    """What a token names.

    Attributes:
        record_id: The key of a record.
        category: The key of a category; empty in a token for the page of preferences.
    """

    record_id: uuid.UUID
    category: str = ""


def unsubscribe_token(record_id: uuid.UUID, category: str) -> str:
    """Return the token with which a record's owner unsubscribes from a category.

    Args:
        record_id: The key of the record.
        category: The key of the category.
    """
    return _signer(UNSUBSCRIBE).sign(_short(record_id) + category)


def preferences_token(record_id: uuid.UUID) -> str:
    """Return the token that opens the preferences of a record's owner.

    Args:
        record_id: The key of the record.
    """
    return _signer(PREFERENCES).sign(_short(record_id))


def read_unsubscribe_token(token: str) -> Subject | None:
    """Return what a token names, or ``None`` for a token that this project has not signed.

    Tokens signed with an entry of ``SECRET_KEY_FALLBACKS`` count.

    Args:
        token: Any text.
    """
    return _read(UNSUBSCRIBE, token)


def read_preferences_token(token: str) -> Subject | None:
    """Return what a token for the page of preferences names, or ``None``.

    Args:
        token: Any text.
    """
    return _read(PREFERENCES, token)


def unsubscribe_url(record: TargetUserRecord, category: str) -> str:
    """Return the address at which a record's owner unsubscribes from a category.

    Args:
        record: The record.
        category: The key of the category.

    Returns:
        The address; empty without ``NOTIFICATION_SYSTEM["BASE_URL"]``, and where the project's URLs
        do not have the pages.
    """
    return _url("unsubscribe", unsubscribe_token(record.pk, category))


def preferences_url(record: TargetUserRecord) -> str:
    """Return the address of the preferences of a record's owner, without login.

    Args:
        record: The record.

    Returns:
        As ``unsubscribe_url()``.
    """
    return _url("preferences_by_link", preferences_token(record.pk))


def _signer(salt: str) -> Signer:
    # Made anew, as SECRET_KEY is read then.
    return Signer(sep=".", salt=salt)


def _short(record_id: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(record_id.bytes).decode().rstrip("=")


def _read(salt: str, token: str) -> Subject | None:
    try:
        value = _signer(salt).unsign(token)
        key = base64.urlsafe_b64decode(f"{value[:RECORD_LENGTH]}==")
        return Subject(uuid.UUID(bytes=key), value[RECORD_LENGTH:])
    except (BadSignature, binascii.Error, ValueError):
        return None


def _url(name: str, token: str) -> str:
    base = engine_settings().base_url
    if not base:
        return ""
    try:
        path = reverse(f"{APP_NAME}:{name}", args=[token])
    except NoReverseMatch:
        return ""
    return base.rstrip("/") + path
