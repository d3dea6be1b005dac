"""Unsubscribing by mail: a mail program sends the token of the header as a mail's subject."""

from typing import Any

from anymail.signals import inbound

from ...models import ConsentLog
from ...preferences.links import read_unsubscribe_token
from ...preferences.unsubscribe import unsubscription_of


def connect() -> None:
    """Listen to django-anymail's signal."""
    inbound.connect(unsubscribe, dispatch_uid="django_notification_system.contrib.anymail.mailto")


def unsubscribe(sender: Any, event: Any, esp_name: str, **kwargs: Any) -> None:
    """Unsubscribe the record that a received mail's subject names; leave other mails alone.

    The token is the credential, and not the mail's sender, whom anybody can write.

    Args:
        sender: Anymail's view.
        event: An ``AnymailInboundEvent``.
        esp_name: The provider's name.
        kwargs: Further arguments of Django's signals.
    """
    token = str(getattr(event.message, "subject", None) or "").strip()
    subject = read_unsubscribe_token(token)
    unsubscription = None if subject is None else unsubscription_of(subject)
    if unsubscription is not None:
        unsubscription.unsubscribe(how=ConsentLog.How.MAILTO)
