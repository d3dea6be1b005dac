"""What is kept of one attempt to deliver a notification."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from .notification import RESPONSE_MAX_LENGTH, Notification


class NotificationAttempt(models.Model):
    """One attempt to deliver a notification, or a provider's later word on it.

    ``NOTIFICATION_SYSTEM["HISTORY"]`` says which are kept. The admin shows them with their
    notification.

    Attributes:
        notification: What was to be delivered. Backwards: ``notification.attempts``.
        attempted_at: When it was attempted, or when the provider reported.
        result: What came of it.
        response: What the target's handler, or the provider's report, said; cut to 500 characters.
        provider_message_id: The provider's name for the message, where there was one.
        id: The key.
    """

    class Result(models.TextChoices):
        """What came of an attempt."""

        #: The provider took the message.
        DELIVERED = "DELIVERED", _("Delivered")
        #: It did not go out, and might have later.
        RETRY = "RETRY", _("Failed for now")
        #: It was refused for good.
        FAILED = "FAILED", _("Failed for good")
        #: It went out, or it did not, as no answer came.
        UNKNOWN = "UNKNOWN", _("Not known")
        #: Later the provider reported that it arrived.
        CONFIRMED = "CONFIRMED", _("Confirmed later")
        #: Later the provider reported that it did not arrive.
        REPORTED_FAILED = "REPORTED FAILED", _("Reported as failed later")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    notification = models.ForeignKey(
        Notification,
        on_delete=models.CASCADE,
        related_name="attempts",
        verbose_name=_("notification"),
    )
    attempted_at = models.DateTimeField(_("time"))
    result = models.CharField(_("result"), max_length=16, choices=Result)
    response = models.CharField(
        _("response"), max_length=RESPONSE_MAX_LENGTH, blank=True, default="", db_default=""
    )
    provider_message_id = models.CharField(
        _("provider's message id"), max_length=200, blank=True, default="", db_default=""
    )

    class Meta:
        db_table = "notification_system_attempt"
        default_permissions = ()  # whoever may see a notification may see its attempts
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.get_result_display()} - {self.attempted_at}"
