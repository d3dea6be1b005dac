"""A project's code, right and wrong. ``# error:`` says which argument both type checkers refuse."""

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser, Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from django_notification_system.models import Notification
from django_notification_system.notification_creators.notify import notify


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


async def wrong_async() -> None:
    await sync_to_async(notify)(None, "Title")  # error: AbstractBaseUser
