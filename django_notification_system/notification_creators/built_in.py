"""Shared by the creators of the three built-in targets."""

from typing import Any

from django.db import router

from ..exceptions import InvalidNotification
from ..models import Notification, NotificationTarget
from .create import Creation
from .draft import make_draft
from .nothing_created import nothing_created
from .recipient import SameForAll
from .recipients import is_user


def create_for_user(user: Any, *, target_name: str, quiet: bool, **content: Any) -> None:
    """Create a notification for each of the user's active records in a built-in target.

    Args:
        user: An instance of the project's user model.
        target_name: The target's name after ``migrate``. A renamed target is found by its module:
            the name in small letters.
        quiet: Return instead of raising one of the first three errors below.
        **content: See ``make_draft()``.

    Raises:
        UserIsOptedOut: When the user has an active opt-out.
        UserHasNoTargetRecords: When the user has no active record in the target.
        NotificationsNotCreated: When all of the notifications exist already.
        InvalidNotification: When the notification could never be delivered.
    """
    if not is_user(user):
        raise InvalidNotification(
            f"user must be one user, not {type(user).__name__}.", argument="user"
        )
    draft = make_draft(recipient=user, **content)
    using = router.db_for_write(Notification)
    targets = list(
        NotificationTarget.objects.using(using).filter(name=target_name)
        or NotificationTarget.objects.using(using).filter(
            notification_module_name=target_name.lower()
        )
    )
    tally = Creation(SameForAll(draft), targets, using=using).run(user)
    if not tally.inserted and not quiet:
        raise nothing_created(tally, targets, using=using)
