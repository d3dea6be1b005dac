"""``user.notifications``: the lists of django-notifications-hq, over the items of the inbox."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lists import NotificationLists


class HasNotifications:
    """Gives a custom user model ``user.notifications``, as django-notifications-hq does.

    ``class User(HasNotifications, AbstractUser)``; no migration follows.
    """

    @property
    def notifications(self) -> "NotificationLists":
        """The user's items, the newest first."""
        return notifications_of(self)


def notifications_of(user: Any) -> "NotificationLists":
    """Return a user's items, the newest first: what ``user.notifications`` is there.

    Args:
        user: The reader. Somebody who has not logged in has no items.
    """
    # Imported here: a user model's module is loaded before the inbox's models.
    from .lists import NotificationLists

    return NotificationLists.of_reader(user)
