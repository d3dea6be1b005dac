"""What is kept of one attempt to deliver a notification."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from .notification import RESPONSE_MAX_LENGTH, Notification


class NotificationAttempt(models.Model):
    """One attempt to deliver a notification, or a provider's later word on it.

    ``NOTIFICATION_SYSTEM["HISTORY"]`` says which are kept.

    Attributes:
        notification: What was to be delivered.
        attempted_at: When it was attempted, or when the provider reported.
        result: What came of it.
        response: What the target's handler, or the provider's report, said; cut to 500 characters.
        provider_message_id: The provider's name for the message, where there was one.
    """

    class Result(models.TextChoices):
        """What came of an attempt."""

        DELIVERED = "DELIVERED", _("Delivered")
        RETRY = "RETRY", _("Failed for now")
        FAILED = "FAILED", _("Failed for good")
        UNKNOWN = "UNKNOWN", _("Not known")
        CONFIRMED = "CONFIRMED", _("Confirmed later")
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
