"""Samples of types: texts and notifications for people who look, without anything being stored."""

from typing import Any

from ...message_types.declaration import MessageType
from ...message_types.stored import further_extra
from ...message_types.texts import Rendered, render_bodies, render_title
from ...models import Notification, NotificationTarget, TargetUserRecord
from ...targets import known_description, module_name_of, target_key
from ...user_values import (
    known_language,
    known_time_zone,
    language_way,
    time_zone_way,
    values_of,
)


def render_sample(
    message: MessageType,
    key: str,
    *,
    language: str | None = None,
    time_zone: str | None = None,
    user: Any = None,
    notification: Notification | None = None,
) -> Rendered:
    """Return a message's texts for a target; links in the texts do not work.

    Args:
        message: The message; the objects among the parameters need not be saved.
        key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        language: The language's code; by default the user's own, or ``LANGUAGE_CODE``.
        time_zone: The time zone's name; by default the user's own, or ``TIME_ZONE``.
        user: The user; may be ``None`` or unsaved.
        notification: The notification for the templates, which gets the title; by default an
            unsaved sample.

    Raises:
        InvalidNotification: When the title cannot be rendered.
        CannotRender: When another template cannot be rendered.
    """
    users = [] if user is None or user.pk is None else [user]
    if language is None:
        language = known_language(next(iter(values_of(language_way(), users).values()), None))
    zone: Any = time_zone
    if zone is None:
        zone = next(iter(values_of(time_zone_way(), users).values()), None)
    title = render_title(message, language)
    if notification is None:
        notification = _unsaved(message, key, title, user)
    else:
        notification.title = title  # templates show the title, as in a message on its way
    described = known_description(module_name_of(key))
    context: dict[str, Any] = {}
    if described is not None and described.template_context is not None:
        context.update(described.template_context(notification, is_live=False))
    return render_bodies(
        message,
        key,
        title=title,
        language=language,
        time_zone=known_time_zone(zone),
        context={**context, "user": user, "notification": notification},
    )


def sample_notification(
    message: MessageType,
    target: NotificationTarget,
    *,
    address: str = "",
    language: str | None = None,
    user: Any = None,
) -> Notification:
    """Return an unsaved notification of a message with its texts, for a handler's ``preview()``.

    Args:
        message: The message; the objects among the parameters need not be saved.
        target: The target.
        address: The address of the recipient.
        language: The language's code; by default the user's own, or ``LANGUAGE_CODE``.
        user: The user; may be ``None`` or unsaved.

    Raises:
        InvalidNotification: When the title cannot be rendered, or ``extra()`` is wrong.
        CannotRender: When another template cannot be rendered.
    """
    key = target_key(target.notification_module_name)
    notification = _unsaved(message, key, "", user, target=target, address=address)
    rendered = render_sample(message, key, language=language, user=user, notification=notification)
    notification.body = rendered.body
    notification.rendered = rendered
    return notification


def _unsaved(
    message: MessageType,
    key: str,
    title: str,
    user: Any,
    *,
    target: NotificationTarget | None = None,
    address: str = "",
) -> Notification:
    if target is None:
        target = NotificationTarget(name=key, notification_module_name=module_name_of(key))
    record = TargetUserRecord(user=user, target=target, target_user_id=address)
    category = message.category
    return Notification(
        target_user_record=record,
        title=title,
        extra=dict(further_extra(message, key)),
        category=category if isinstance(category, str) else category.key,
    )
