"""A message that would have gone out, and questions about a message."""

import re
from dataclasses import dataclass, field
from typing import Any

from django.core.mail import EmailMultiAlternatives

from ..message_types.declaration import MessageType
from ..message_types.registry import find_type
from ..models import Notification
from ..models.address import comparable

Text = str | re.Pattern[str]


@dataclass(frozen=True)
class OutboxMessage:
    """A message that would have gone out.

    Attributes:
        target: The target's name, such as ``"Email"``.
        module_name: The name of the handler's module, such as ``"email"``.
        recipient: The recipient's address.
        title: The notification's title.
        body: The notification's body.
        extra: The notification's ``extra`` at the delivery.
        message_id: The value of the notification's ``provider_message_id``.
        notification: The notification, with the status after the delivery.
        email: The mail, for this app's email target: subject, parts, headers, attachments.
    """

    target: str
    module_name: str
    recipient: str
    title: str
    body: str
    extra: dict[str, Any]
    message_id: str
    notification: Notification = field(repr=False)
    email: EmailMultiAlternatives | None = field(default=None, repr=False)

    @property
    def user(self) -> Any:
        """The user of the message."""
        return self.notification.target_user_record.user

    @property
    def type(self) -> type[MessageType] | None:
        """The class of a message of a type; ``None`` for any other message."""
        # Only texts that a type's templates made stand in for a body that is not stored.
        if self.notification.rendered is None:
            return None
        return find_type(str(self.extra.get("type")))

    def __str__(self) -> str:
        return f"{self.target} to {self.recipient}: {self.title!r}"


def is_to_target(message: OutboxMessage, name: str) -> bool:
    """Return whether a message went to a target.

    Args:
        message: The message.
        name: The target's name or module name, in upper or lower case.
    """
    return name.casefold() in (message.target.casefold(), message.module_name.casefold())


def is_to(message: OutboxMessage, user: Any) -> bool:
    """Return whether a message went to a user, or to an address without a user.

    Args:
        message: The message.
        user: The user; a text is an address without a user.
    """
    if not isinstance(user, str):
        return user is not None and message.user == user
    return message.user is None and comparable(message.recipient) == comparable(user)


def fits(wanted: Text | None, text: str) -> bool:
    """Return whether a text is as wanted.

    Args:
        wanted: The whole text, or a compiled pattern for a part of it; ``None``: any.
        text: The text.
    """
    if isinstance(wanted, re.Pattern):
        return wanted.search(text) is not None
    return wanted is None or wanted == text
