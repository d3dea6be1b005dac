"""The arguments that type checkers take for a new notification."""

import uuid
from datetime import datetime
from typing import Any, TypedDict

from django.db.models.expressions import Combinable

from .target_user_record import TargetUserRecord


class NotificationFields(TypedDict, total=False):
    """Every field of a notification, and the aliases, which Django's plugin for mypy cannot see.

    The plugin compares the first two with the model; mypy compares all with this class.
    """

    title: str | Combinable
    body: str | Combinable
    target_user_record: TargetUserRecord | Combinable
    target_user_record_id: uuid.UUID | str | Combinable
    user_target: TargetUserRecord | Combinable
    user_target_id: uuid.UUID | str | Combinable
    target: Any
    target_id: Any
    extra: Any
    status: str | Combinable
    scheduled_delivery: datetime | str | Combinable
    expires_at: datetime | str | Combinable | None
    category: str | Combinable
    has_attachments: bool | Combinable
    priority: int | Combinable
    attempted_delivery: datetime | str | Combinable | None
    retry_time_interval: int | Combinable
    follows_retry_policy: bool | Combinable
    retry_attempts: int | Combinable
    max_retries: int | Combinable
    response: str | Combinable
    provider_message_id: str | Combinable
    provider_status: str | Combinable
    receipt_due_at: datetime | str | Combinable | None
    confirmed_at: datetime | str | Combinable | None
    idempotency_key: str | Combinable | None
    digest: Any
    claim_token: uuid.UUID | str | Combinable | None
    claimed_until: datetime | str | Combinable | None
    interruptions: int | Combinable
    created_date: datetime | str | Combinable
    modified_date: datetime | str | Combinable
    id: uuid.UUID | str | Combinable
    pk: uuid.UUID | str | Combinable
