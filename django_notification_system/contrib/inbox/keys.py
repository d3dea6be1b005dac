"""The keys of events, made of idempotency keys; the keys of items, as requests name them."""

import uuid

from django.conf import settings

#: The namespace of the keys.
EVENTS = uuid.UUID("0c7c1f6c-4b1e-5d0b-9a34-6f6d3c1f8e52")
#: The greatest key that a big integer of a database can be.
GREATEST_KEY = 2**63 - 1
MOST_DIGITS = len(str(GREATEST_KEY))


def event_id_of(idempotency_key: str, language: str = "") -> uuid.UUID:
    """Return the key of the event of an occasion, in one of perhaps several languages.

    Args:
        idempotency_key: The caller's name for the occasion.
        language: The language of the title; empty: the only one.
    """
    return uuid.uuid5(EVENTS, f"{idempotency_key}\x00{language}" if language else idempotency_key)


def event_ids_of(idempotency_key: str) -> set[uuid.UUID]:
    """Return the keys of the events of an occasion in all languages.

    Args:
        idempotency_key: The caller's name for the occasion.
    """
    codes = ["", *(code for code, _name in settings.LANGUAGES)]
    return {event_id_of(idempotency_key, code) for code in codes}


def item_key_of(text: str) -> int | None:
    """Return the key of an item that a request names; ``None`` for a text that is no key.

    Args:
        text: The text: digits alone, of a number that a database can have as a key.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        return None
    key = int(text)
    return key if key <= GREATEST_KEY else None
