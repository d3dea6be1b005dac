"""The attachments of notifications; a content is stored once."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .keys import new_key
from .notification import Notification


class AttachmentContent(models.Model):
    """A content, stored once by its hash.

    Attributes:
        digest: The SHA-256 hash of the content, in hexadecimal digits.
        data: The content.
        size: The content's size in bytes.
        used_at: When a notification was last given the content, to the hour.
            ``purge_notifications`` deletes a content that no notification has, a day after.
    """

    digest = models.CharField(_("digest"), max_length=64, primary_key=True, editable=False)
    data = models.BinaryField(_("data"))
    size = models.BigIntegerField(_("size"))
    # With an index for the purge.
    used_at = models.DateTimeField(_("used"), default=timezone.now, db_index=True)

    class Meta:
        db_table = "notification_system_content"
        default_permissions = ()  # whoever may see a notification may see the attachments
        verbose_name = _("content of attachments")
        verbose_name_plural = _("contents of attachments")

    def __str__(self) -> str:
        return self.digest


class NotificationAttachment(models.Model):
    """An attachment of a notification.

    Attributes:
        notification: The notification. Backwards: ``notification.attachments``.
        position: The place among the notification's attachments, from 0.
        name: The file's name; empty for a part without a name.
        mimetype: The media type, such as ``"application/pdf"``.
        kind: The form of the content in the message.
        headers: The headers of a ``PART``, as pairs of name and value.
        content: The content.
        id: The key.
    """

    class Kind(models.TextChoices):
        """The form of a content in the message."""

        #: Bytes, as ``EmailMessage.attach()`` takes them.
        BYTES = "BYTES", _("Bytes")
        #: A text, encoded as the message's texts are.
        TEXT = "TEXT", _("Text")
        #: A MIME part with headers of its own, such as a picture in the text.
        PART = "PART", _("MIME part")
        #: A MIME part as the whole of its bytes.
        WHOLE_PART = "WHOLE PART", _("MIME part as bytes")
        #: The whole message, as a message class of the project's made it.
        MESSAGE = "MESSAGE", _("Message")

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    notification = models.ForeignKey(
        Notification,
        on_delete=models.CASCADE,
        related_name="attachments",
        verbose_name=_("notification"),
    )
    position = models.PositiveIntegerField(_("position"))
    name = models.TextField(_("name"), blank=True)
    mimetype = models.CharField(_("media type"), max_length=255)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.BYTES)
    headers = models.JSONField(_("headers"), null=True, blank=True)
    content = models.ForeignKey(
        AttachmentContent,
        on_delete=models.PROTECT,
        related_name="attachments",
        verbose_name=_("content"),
    )

    class Meta:
        db_table = "notification_system_attachment"
        default_permissions = ()  # as for the content
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")

    def __str__(self) -> str:
        return self.name
