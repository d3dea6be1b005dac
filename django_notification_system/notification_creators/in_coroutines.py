"""``anotify()`` and ``anotify_addresses()``: for views and consumers that are coroutines.

Django's transactions are synchronous, so the work is done in the thread of synchronous code, as
Django's own asynchronous methods of querysets do.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Manager

from ..categories import Category
from ..models import NotificationTarget
from .created import Created
from .notify import GivenFile, notify
from .notify_addresses import notify_addresses


async def anotify(
    users: AbstractBaseUser | Iterable[AbstractBaseUser] | Manager[AbstractBaseUser],
    title: str,
    body: str = "",
    *,
    target: str | NotificationTarget | Iterable[str | NotificationTarget] | None = None,
    scheduled_delivery: datetime | None = None,
    expires_at: datetime | None = None,
    extra: dict[str, Any] | None = None,
    retry_time_interval: int | None = None,
    max_retries: int | None = None,
    idempotency_key: str | None = None,
    quiet: bool = False,
    priority: int = 0,
    category: str | Category = "",
    attachments: Iterable[GivenFile] | None = None,
) -> Created:
    """Call ``notify()`` from a coroutine: the same arguments, result and errors."""
    return await sync_to_async(notify, thread_sensitive=True)(
        users,
        title,
        body,
        target=target,
        scheduled_delivery=scheduled_delivery,
        expires_at=expires_at,
        extra=extra,
        retry_time_interval=retry_time_interval,
        max_retries=max_retries,
        idempotency_key=idempotency_key,
        quiet=quiet,
        priority=priority,
        category=category,
        attachments=attachments,
    )


async def anotify_addresses(
    addresses: str | Iterable[str],
    title: str,
    body: str = "",
    *,
    target: str | NotificationTarget,
    scheduled_delivery: datetime | None = None,
    expires_at: datetime | None = None,
    extra: dict[str, Any] | None = None,
    retry_time_interval: int | None = None,
    max_retries: int | None = None,
    idempotency_key: str | None = None,
    quiet: bool = False,
    priority: int = 0,
    category: str | Category = "",
    attachments: Iterable[GivenFile] | None = None,
) -> Created:
    """Call ``notify_addresses()`` from a coroutine: the same arguments, result and errors."""
    return await sync_to_async(notify_addresses, thread_sensitive=True)(
        addresses,
        title,
        body,
        target=target,
        scheduled_delivery=scheduled_delivery,
        expires_at=expires_at,
        extra=extra,
        retry_time_interval=retry_time_interval,
        max_retries=max_retries,
        idempotency_key=idempotency_key,
        quiet=quiet,
        priority=priority,
        category=category,
        attachments=attachments,
    )
