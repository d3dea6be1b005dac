"""The mail backend that queues: ``django_notification_system.mail.QueueBackend``."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, InterfaceError

from .exceptions import NotificationSystemError

logger = logging.getLogger("django_notification_system")


class QueueBackend(BaseEmailBackend):
    """Stores each message as a notification; ``process_notifications`` delivers the message.

    A message is stored in the caller's transaction: what is rolled back is not sent. The email
    target's ``backend`` or ``mailer`` in ``NOTIFICATION_SYSTEM_TARGETS`` delivers.

    A message may have an attribute ``notification``, a dictionary with ``priority``,
    ``expires_at``, ``idempotency_key`` or ``category``, as for ``notify()``.

    Args:
        fail_silently: Whether a message that cannot be stored is left out, and logged, in place of
            an error.
        kwargs: Django's further arguments of every mail backend.
    """

    #: The email target refuses to deliver through a class with this mark.
    queues_notifications = True

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fail_silently = fail_silently

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store messages, and return how many were stored.

        Args:
            email_messages: The messages; those without a recipient are left out.

        Raises:
            InvalidNotification: When a message cannot be stored, or never be delivered. No message
                is stored then.
            TargetUnavailable: When the settings name no backend that delivers.
            DatabaseError: When the database refuses the messages, or is out of reach.
            ImproperlyConfigured: When the app is not in ``INSTALLED_APPS``.
        """
        if not apps.is_installed("django_notification_system"):
            raise ImproperlyConfigured(
                "QueueBackend stores mails in tables of django_notification_system: add"
                " 'django_notification_system' to INSTALLED_APPS, and run 'migrate'."
            )
        # Django imports backends before models.
        from .notification_creators.queue_mail import queue_mail

        try:
            mails = list(self._packed(email_messages))
            queue_mail(mails)
        except (NotificationSystemError, DatabaseError, InterfaceError) as error:
            if not self.fail_silently:
                raise
            self._log(error)
            return 0
        return len(mails)

    def _packed(self, messages: Iterable[EmailMessage]) -> Iterator[Any]:
        # Here: a mail backend may be imported before the models are ready.
        from .notification_creators.queue_mail import packed_mail

        for message in messages or ():
            if not message.recipients():
                continue
            try:
                yield packed_mail(message)
            except NotificationSystemError as error:
                if not self.fail_silently:
                    raise
                self._log(error)

    def _log(self, error: Exception) -> None:
        # Without the error's text, which may quote the message.
        logger.error("A mail could not be queued (%s). It is lost.", type(error).__name__)
