"""A notification's content, before the recipients are known."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from .models.attached import Attached
from .models.notification import LOWEST_PRIORITY


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A notification's content, still without a recipient.

    Attributes:
        title: One line, at most 100 characters.
        body: The message.
        extra: A JSON object.
        scheduled_delivery: When the notification is due, or ``None`` for at once.
        retry_time_interval: Minutes from a failed attempt to the next, or ``None`` for the
            target's or the project's policy.
        max_retries: Attempts before ``DELIVERY FAILURE``, or ``None`` for the policy's.
        idempotency_key: The caller's name for an occasion that must not be notified twice.
        expires_at: The notification is not sent from then on; ``None`` for never.
        priority: Among due notifications, a higher priority goes first.
        category: The key of the category, or an empty text.
        attachments: The files, for targets that send files.
        language: The language of the title, where a call has several; else an empty text.
    """

    title: str
    body: str
    extra: dict[str, Any]
    scheduled_delivery: datetime | None = None
    retry_time_interval: int | None = None
    max_retries: int | None = None
    idempotency_key: str | None = None
    expires_at: datetime | None = None
    priority: int = LOWEST_PRIORITY
    category: str = ""
    attachments: tuple[Attached, ...] = ()
    language: str = ""

    @cached_property
    def size(self) -> int:
        """About how many bytes a row takes on the way to the database."""
        return len(self.body.encode()) + len(json.dumps(self.extra)) + 500

    @cached_property
    def identifying_body(self) -> str:
        """The body and the names of the files: with other files, a notification is another."""
        files = [f"\x00{each.name}\x00{each.digest}" for each in self.attachments]
        return "".join([self.body, *files])
