"""A project's code, right and wrong. ``# error:`` says which argument both type checkers refuse."""

import uuid
from collections.abc import Iterator
from datetime import date, datetime

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser, Group, User
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest

from django_notification_system import (
    anotify,
    anotify_addresses,
    cancel,
    notify_addresses,
    reschedule,
)
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_creators.notify import notify
from django_notification_system.types import NotificationType, register


class Baker(AbstractBaseUser):
    """A custom user."""


def right(
    user: User, baker: Baker, base: AbstractBaseUser, chosen: QuerySet[User], request: HttpRequest
) -> int:
    notify(user, "Title")
    notify(baker, "Title")
    notify(base, "Title")
    notify([user, user], "Title")
    notify([baker], "Title")
    notify((user for user in chosen), "Title")
    notify(chosen, "Title")
    notify(User.objects, "Title")
    notify(User.objects.filter(is_staff=True), "Title", target=["Email", "sms"])
    person = request.user
    if isinstance(person, User):
        notify(person, "Title")
    waiting = Notification.objects.filter(title="Title").due().deliverable()
    names = [row.user_target.description for row in waiting]
    return Notification.objects.due().count() + len(names)


def right_by_address(addresses: set[str], moment: datetime) -> tuple[uuid.UUID, ...]:
    notify_addresses("ann@example.com", "Title", target="Email")
    notify_addresses(addresses, "Title", "Body", target="Email", idempotency_key="key")
    made = notify_addresses((address for address in addresses), "Title", target="Email")
    number: int = made + 1
    return (made.keys or ()) if number else ()


def right_by_key(user: User, chosen: QuerySet[User], moment: datetime, key: str) -> int:
    done = cancel(key).changed + cancel(key, user).on_their_way + cancel(key, [user]).changed
    moved = reschedule(key, moment, chosen).left["opted out"]
    return done + moved + Notification.objects.filter(title="Title").cancel().changed


def right_without_user(record: TargetUserRecord) -> str:
    return record.recipient_name if record.user is None else record.user.username


def right_by_alias(record: TargetUserRecord) -> None:
    rows = Notification.objects.filter(user_target=record, user_target__user__username="egg")
    rows = rows.exclude(user_target__description="old").filter(~Q(user_target__active=False))
    rows.order_by("user_target__id").values_list("user_target__target__name", flat=True)
    rows.values("user_target_id").annotate(address=F("user_target__target_user_id"))
    rows.only("user_target", "title").defer("user_target_id").get(user_target_id=record.pk)
    rows.update(user_target=record)
    Notification.objects.get_or_create(user_target=record, title="Title")
    Notification.objects.create(user_target=record, title="Title", body="")
    Notification(user_target_id=record.pk, title="Title", pk=None or record.pk)


async def right_async(user: User) -> int:
    return await sync_to_async(notify)(user, "Title")


def wrong(user: User, group: Group, request: HttpRequest) -> None:
    notify(None, "Title")  # error: AbstractBaseUser
    notify(5, "Title")  # error: AbstractBaseUser
    notify("ann", "Title")  # error: AbstractBaseUser
    notify(request.user, "Title")  # error: AbstractBaseUser
    notify(group, "Title")  # error: AbstractBaseUser
    notify([1], "Title")  # error: AbstractBaseUser
    notify(Group.objects.all(), "Title")  # error: AbstractBaseUser
    notify(User, "Title")  # error: AbstractBaseUser
    notify(user)  # error: title
    notify(user, "Title", target=5)  # error: NotificationTarget
    notify(user, "Title", scheduled_delivery="tomorrow")  # error: datetime
    Notification.objects.overdue()  # error: overdue
    Notification.objects.create(user_target=user, title="Title")  # error: TargetUserRecord
    Notification(user_targt=None, title="Title")  # error: user_targt


def wrong_by_address(user: User) -> None:
    notify_addresses(user, "Title", target="Email")  # error: str
    notify_addresses([user], "Title", target="Email")  # error: str
    notify_addresses(None, "Title", target="Email")  # error: str
    notify_addresses("ann@example.com", "Title")  # error: target
    notify_addresses("ann@example.com", "Title", target=None)  # error: NotificationTarget
    notify_addresses("ann@example.com", "Title", target="Email", priority="high")  # error: int
    cancel(5)  # error: str
    cancel("key", "ann@example.com")  # error: AbstractBaseUser
    reschedule("key")  # error: moment
    reschedule("key", "tomorrow")  # error: datetime
    str(cancel("key").cancelled)  # error: cancelled


async def wrong_async() -> None:
    await sync_to_async(notify)(None, "Title")  # error: AbstractBaseUser
    await anotify(None, "Title")  # error: AbstractBaseUser
    await anotify_addresses("ann@example.com", "Title")  # error: target


@register
class Joined(NotificationType):
    targets = ("email",)
    templates = "groups/joined"
    group: Group
    since: date | None = None

    def should_send(self, user: User) -> bool:
        return self.group.pk is not None

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Joined"]]:
        yield "a group", cls(group=Group(name="a"))


async def right_type(user: User, group: Group) -> int:
    message = Joined(group=group, since=date(2027, 1, 5))
    message.notify([user], idempotency_key="k")
    message.notify_addresses(["ann@example.com"], target="Email", language="de")
    return await message.anotify(User.objects.all())


def wrong_type(user: User, group: Group) -> None:
    Joined()  # error: group
    Joined(group=user)  # error: Group
    Joined(group=group, since="tomorrow")  # error: date
    Joined(group=group, sincs=None)  # error: sincs
    Joined(group)  # error: positional
    Joined(group=group).group = group  # error: group
    Joined(group=group).notify(None)  # error: AbstractBaseUser
    Joined(group=group).notify(user, target="Email")  # error: target
    Joined(group=group).notify_addresses("ann@example.com")  # error: target
    str(Joined(group=group).grup)  # error: grup
