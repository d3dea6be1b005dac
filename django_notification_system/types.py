"""Types: small classes that declare a kind of message.

A project declares its types in modules named ``notification_types``, one in any app; Django imports
these modules at start::

    from django_notification_system.types import NotificationType, register

    @register
    class OrderShipped(NotificationType):
        category = ORDERS
        targets = ("email",)
        templates = "shop/order_shipped"  # title.txt, email.html, email.txt, text.txt, push.txt

        order: Order
        eta: date | None = None

    OrderShipped(order=order).notify(user)
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Manager

from .message_types.declaration import MessageType
from .message_types.registry import all_types, find_type, known_types, register
from .notification_creators.created import Created

if TYPE_CHECKING:
    from .models import NotificationTarget

__all__ = ["NotificationType", "all_types", "find_type", "known_types", "register"]

Users = AbstractBaseUser | Iterable[AbstractBaseUser] | Manager[AbstractBaseUser]


class NotificationType(MessageType):
    """A kind of message: a category, targets, a folder of templates, and parameters.

    A subclass is a frozen dataclass. The annotations are the parameters, given by name: texts,
    numbers, dates, times, durations, ``Decimal``, ``UUID``, ``Enum``, saved instances of models,
    and lists, tuples and dicts with texts as keys of these. Options have no annotation.

    The templates are rendered with the parameters as variables, and with ``type`` (the instance);
    the bodies also with ``user`` and ``notification``.

    Attributes:
        key: The name in the database; by default app and class, such as ``shop.OrderShipped``. Set
            the key before a class moves or gets another name: notifications that wait name the key.
        category: The category, or its key; by default none.
        targets: The targets: their keys in ``NOTIFICATION_SYSTEM_TARGETS``, such as ``"email"``, or
            their names. Empty: every target.
        templates: The folder of the templates, such as ``"shop/order_shipped"``.
        prefetch_related: The relations that the templates, ``should_send()`` and ``extra()`` use,
            by the parameter's name, such as ``{"order": ["customer", "lines__product"]}``: each is
            read with one query for up to fifty messages, as by a queryset's ``prefetch_related()``.
    """

    def notify(
        self,
        users: Users,
        *,
        scheduled_delivery: datetime | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
        quiet: bool = False,
        priority: int = 0,
    ) -> Created:
        """Create notifications of this message, in one transaction; see ``notify()``.

        The title is rendered now, once for each language among the users, and cut at 100
        characters. The bodies are rendered right before they are sent.

        Args:
            users: A user, an iterable of users, or a queryset of users.
            scheduled_delivery: See ``notify()``.
            expires_at: See ``notify()``.
            idempotency_key: See ``notify()``.
            quiet: See ``notify()``.
            priority: See ``notify()``.

        Returns:
            How many notifications were created, as ``notify()`` says it; 0 where ``should_send()``
            says no.

        Raises:
            UserIsOptedOut: See ``notify()``.
            UserHasNoTargetRecords: See ``notify()``.
            NotificationsNotCreated: See ``notify()``.
            InvalidNotification: Also when a parameter cannot be stored, the title's template is
                missing or fails, or a template does not compile.
        """
        # Here: a module of types may be imported before the models are ready.
        from .notification_creators.notify import create
        from .notification_creators.typed_content import TypedContent

        content = TypedContent(
            self,
            scheduled_delivery=scheduled_delivery,
            expires_at=expires_at,
            idempotency_key=idempotency_key,
            priority=priority,
            retry_time_interval=None,
            max_retries=None,
        )
        return create(users, content, target=list(self.targets) or None, quiet=quiet)

    def notify_addresses(
        self,
        addresses: str | Iterable[str],
        *,
        target: "str | NotificationTarget",
        language: str = "",
        scheduled_delivery: datetime | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
        quiet: bool = False,
        priority: int = 0,
    ) -> Created:
        """Create notifications for people without an account; see ``notify_addresses()``.

        In the templates and in ``should_send()``, ``user`` is ``None``.

        Args:
            addresses: An address, or an iterable of addresses.
            target: The target of the addresses, or its name.
            language: The language's code; by default ``LANGUAGE_CODE``.
            scheduled_delivery: See ``notify()``.
            expires_at: See ``notify()``.
            idempotency_key: See ``notify()``.
            quiet: See ``notify_addresses()``.
            priority: See ``notify()``.

        Returns:
            How many notifications were created; 0 where ``should_send()`` says no.

        Raises:
            NotificationsNotCreated: See ``notify_addresses()``.
            InvalidNotification: See ``notify_addresses()`` and the method ``notify()``.
        """
        # Here: as above.
        from .notification_creators.notify_addresses import create_for_addresses
        from .notification_creators.typed_content import TypedContent

        content = TypedContent(
            self,
            language=language,
            scheduled_delivery=scheduled_delivery,
            expires_at=expires_at,
            idempotency_key=idempotency_key,
            priority=priority,
            retry_time_interval=None,
            max_retries=None,
        )
        return create_for_addresses(addresses, content, target=target, quiet=quiet)

    async def anotify(
        self,
        users: Users,
        *,
        scheduled_delivery: datetime | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
        quiet: bool = False,
        priority: int = 0,
    ) -> Created:
        """Call ``notify()`` from a coroutine: the same arguments, result and errors."""
        return await sync_to_async(self.notify, thread_sensitive=True)(
            users,
            scheduled_delivery=scheduled_delivery,
            expires_at=expires_at,
            idempotency_key=idempotency_key,
            quiet=quiet,
            priority=priority,
        )
