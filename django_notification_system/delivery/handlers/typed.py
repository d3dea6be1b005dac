"""The texts of notifications of a type, rendered right before they are sent.

In the run's thread, because a template may use the database. The texts are in memory only: the
database keeps the type and its parameters.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from ...message_types.declaration import MessageType
from ...message_types.instances import said_of_gone
from ...message_types.kinds import ObjectGone, Objects
from ...message_types.stored import Stored, UnknownType, UnusableParameters, objects_of, stored_of
from ...message_types.texts import CannotRender, render_bodies
from ...models import Notification, NotificationTarget
from ...observing.log import log_fields
from ...outcome import Outcome
from ...targets import known_description, target_key
from ...user_values import (
    known_language,
    known_time_zone,
    language_way,
    time_zone_way,
    values_of,
)

logger = logging.getLogger("django_notification_system")

#: After so long an unknown type is looked for again: a newer worker may have been started by then.
POSTPONED_FOR = timedelta(hours=1)
#: How the response of a postponed notification begins.
POSTPONED = "Postponed for an hour: this process knows no type"
NOT_WANTED = "Not sent: the message is not needed any more."


@dataclass(frozen=True)
class Prepared:
    """Notifications with their texts, and the others.

    Attributes:
        ready: To be sent; those without a type among them, unchanged.
        cancelled: Not needed any more; status and response are set.
        postponed: Of a type that this process does not know; moment and response are set.
        failed: The outcomes of those whose texts cannot be made.
    """

    ready: list[Notification] = field(default_factory=list)
    cancelled: list[Notification] = field(default_factory=list)
    postponed: list[Notification] = field(default_factory=list)
    failed: list[Outcome] = field(default_factory=list)


def prepare(
    notifications: Sequence[Notification], target: NotificationTarget, *, is_live: bool = True
) -> Prepared:
    """Render the texts of notifications of a type; one query for each model among the parameters.

    Args:
        notifications: Notifications of one target, with record and user loaded.
        target: The target.
        is_live: Whether links in the texts shall work; in a preview they shall not.

    Raises:
        DatabaseError: When the database is out of reach for longer than a run waits.
    """
    typed = {each.pk: stored for each in notifications if (stored := _stored(each)) is not None}
    if not typed:
        return Prepared(ready=list(notifications))
    return _Preparation(notifications, target, typed, is_live=is_live).run()


def is_to_be_rendered(notification: Notification) -> bool:
    """Tell whether a notification is of a type, and its texts are still to be rendered.

    Args:
        notification: The notification.
    """
    return _stored(notification) is not None


def _stored(notification: Notification) -> Stored | None:
    # A row that a busy provider has refused comes again, with its texts.
    if notification.rendered is not None:
        return None
    return stored_of(notification.extra, notification.body)


class _Preparation:
    def __init__(
        self,
        notifications: Sequence[Notification],
        target: NotificationTarget,
        typed: Mapping[Any, Stored],
        *,
        is_live: bool,
    ) -> None:
        self._notifications = notifications
        self._typed = typed
        self._key = target_key(target.notification_module_name)
        described = known_description(target.notification_module_name)
        self._context_of = None if described is None else described.template_context
        self._is_live = is_live
        self._prepared = Prepared()

    def run(self) -> Prepared:
        users = [
            user
            for each in self._notifications
            if each.pk in self._typed and (user := each.target_user_record.user) is not None
        ]
        languages = _values("USER_LANGUAGE", language_way(), users)
        zones = _values("USER_TIME_ZONE", time_zone_way(), users)
        objects = objects_of(self._typed.values())
        if isinstance(objects, DatabaseError):
            logger.error("The objects of notifications could not be read.", exc_info=objects)
        for notification in self._notifications:
            stored = self._typed.get(notification.pk)
            if stored is None:
                self._prepared.ready.append(notification)
                continue
            user_id = notification.target_user_record.user_id
            self._prepare(
                notification,
                stored,
                objects,
                known_language(stored.language or languages.get(user_id)),
                known_time_zone(zones.get(user_id)),
            )
        for key in sorted({self._typed[each.pk].key for each in self._prepared.postponed}):
            logger.warning("No type %r is known here; its notifications wait for an hour.", key)
        return self._prepared

    def _prepare(
        self,
        notification: Notification,
        stored: Stored,
        objects: Objects | DatabaseError,
        language: str,
        time_zone: tzinfo | None,
    ) -> None:
        prepared = self._prepared
        try:
            if isinstance(objects, DatabaseError):
                raise objects
            message = stored.instance(objects)
            if not message.should_send(notification.target_user_record.user):
                _cancel(notification, NOT_WANTED)
                prepared.cancelled.append(notification)
                return
            self._render(notification, message, language, time_zone)
        except UnknownType:
            prepared.postponed.append(_postpone(notification, stored))
        except ObjectGone as gone:
            try:
                _cancel(notification, said_of_gone(gone))
            except LookupError:  # the model, too, is one of a newer process
                prepared.postponed.append(_postpone(notification, stored))
            else:
                prepared.cancelled.append(notification)
        except UnusableParameters as fault:
            prepared.failed.append(Outcome.failed(notification, str(fault)))
        except CannotRender as fault:
            self._log(notification, stored)
            kind = Outcome.retry if fault.is_passing else Outcome.failed
            prepared.failed.append(kind(notification, f"Not sent: {fault}. Mend the template."))
        except Exception as error:
            self._log(notification, stored)
            # Without the error's own text, which may repeat what the message is about.
            said = f"Not sent: {stored.key} raised {type(error).__name__}; see the log."
            prepared.failed.append(Outcome.retry(notification, said))
        else:
            prepared.ready.append(notification)

    def _render(
        self,
        notification: Notification,
        message: MessageType,
        language: str,
        time_zone: tzinfo | None,
    ) -> None:
        context: dict[str, Any] = {}
        if self._context_of is not None:
            context.update(self._context_of(notification, is_live=self._is_live))
        context["user"] = notification.target_user_record.user
        context["notification"] = notification
        rendered = render_bodies(
            message,
            self._key,
            title=notification.title,
            language=language,
            time_zone=time_zone,
            context=context,
        )
        notification.rendered = rendered
        notification.body = rendered.body

    def _log(self, notification: Notification, stored: Stored) -> None:
        logger.exception(
            "The message of type %s could not be made.",
            stored.key,
            extra=log_fields(notification=notification),
        )


def _cancel(notification: Notification, response: str) -> None:
    notification.response = response
    notification.status = Notification.CANCELLED


def _postpone(notification: Notification, stored: Stored) -> Notification:
    """Leave a notification to a newer process: no attempt is made, and none is counted."""
    notification.scheduled_delivery = timezone.now() + POSTPONED_FOR
    notification.response = (
        f"{POSTPONED} {stored.key!r}. Restart it with the code that registers the type."
    )
    return notification


def _values(setting: str, way: Any, users: Iterable[Any]) -> Mapping[Any, Any]:
    """Return values of users; a function of the project's that fails keeps no message back."""
    try:
        return values_of(way, users)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("The function in %s failed; the project's own value counts.", setting)
        return {}
