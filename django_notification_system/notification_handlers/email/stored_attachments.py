"""The attachments that the database keeps, read when a mail is built."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import router

from ...database import patiently
from ...models import AttachmentContent, Notification, NotificationAttachment
from .cannot_build_message import CannotBuildMessage

#: How many bytes of contents stay in memory for the next mails of a call of the handler.
KEPT_BYTES = 32 * 2**20

Kind = NotificationAttachment.Kind


@dataclass(frozen=True)
class StoredAttachment:
    """An attachment with its content.

    Attributes:
        name: See ``NotificationAttachment``, and so the others.
        mimetype: The media type.
        kind: The form of the content in the message.
        headers: The headers of a MIME part.
        content: The content.
    """

    name: str
    mimetype: str
    kind: str
    headers: Any
    content: bytes


class StoredAttachments:
    """Reads attachments; a content that many mails have is read once."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._size = 0

    def of(self, notification: Notification) -> list[StoredAttachment]:
        """Return a notification's attachments in order.

        Args:
            notification: The notification.

        Raises:
            CannotBuildMessage: When a content is gone.
        """
        if not notification.has_attachments:
            return []
        using = database_of(notification)
        rows = patiently(lambda: attachments_of(notification), using=using)
        self._read([row.content_id for row in rows], using=using)
        return [
            StoredAttachment(
                row.name, row.mimetype, row.kind, row.headers, self._kept[row.content_id]
            )
            for row in rows
        ]

    def _read(self, digests: Sequence[str], *, using: str) -> None:
        wanted = set(digests)
        if self._size > KEPT_BYTES:
            self._kept.clear()
            self._size = 0
        missing = wanted - self._kept.keys()
        if not missing:
            return
        rows = AttachmentContent.objects.using(using).filter(digest__in=missing)
        found = patiently(lambda: list(rows.values_list("digest", "data")), using=using)
        for digest, data in found:
            self._kept[digest] = bytes(data)
            self._size += len(data)
        if wanted - self._kept.keys():
            raise CannotBuildMessage(
                "an attachment's content is not in the database any more. Create the notification"
                " anew."
            )


def attachments_of(notification: Notification) -> list[NotificationAttachment]:
    """Return the rows of a notification's attachments in order, without contents.

    Args:
        notification: The notification.
    """
    rows = NotificationAttachment.objects.using(database_of(notification))
    return list(rows.filter(notification=notification.pk).order_by("position"))


def names_and_sizes(notification: Notification) -> list[tuple[str, int | None]]:
    """Return the names of a notification's attachments, and their sizes in bytes.

    Args:
        notification: The notification.
    """
    if not notification.has_attachments:
        return []
    rows = NotificationAttachment.objects.using(database_of(notification))
    of_notification = rows.filter(notification=notification.pk).order_by("position")
    return list(of_notification.values_list("name", "content__size"))


def database_of(notification: Notification) -> str:
    """Return the alias of a notification's database.

    Args:
        notification: The notification.
    """
    return notification._state.db or router.db_for_read(Notification, instance=notification)
