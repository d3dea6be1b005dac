"""The history of a notification: one row for an attempt."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .keys import new_key
from .notification import RESPONSE_MAX_LENGTH, Notification


class NotificationAttempt(models.Model):
    """One attempt to deliver a notification, or a provider's later report.

    ``NOTIFICATION_SYSTEM["HISTORY"]`` decides which attempts are kept. The admin shows a
    notification's attempts on the notification's page.

    Attributes:
        notification: The notification. Backwards: ``notification.attempts``.
        attempted_at: The moment of the attempt, or of the provider's report.
        result: The result of the attempt.
        response: The text of the target's handler or of the provider's report; cut to 500
            characters.
        provider_message_id: The provider's name for the message; empty without such a name.
        id: The key.
    """

    class Result(models.TextChoices):
        """The result of an attempt."""

        #: The provider took the message.
        DELIVERED = "DELIVERED", _("Delivered")
        #: The message did not go out, and might have gone out later.
        RETRY = "RETRY", _("Failed for now")
        #: The message was refused for good.
        FAILED = "FAILED", _("Failed for good")
        #: Nobody knows whether the message went out, as no answer came.
        UNKNOWN = "UNKNOWN", _("Not known")
        #: The provider reported later that the message had arrived.
        CONFIRMED = "CONFIRMED", _("Confirmed later")
        #: The provider reported later that the message had not arrived.
        REPORTED_FAILED = "REPORTED FAILED", _("Reported as failed later")

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
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
        default_permissions = ()  # whoever may see a notification may see the attempts
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.get_result_display()} - {self.attempted_at}"
