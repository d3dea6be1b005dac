"""A target's own rules for a notification, made by ``notify()``, a creator or the admin."""

from django.utils.translation import gettext as _

from ..draft import Draft
from ..exceptions import InvalidNotification
from ..models import NotificationTarget
from ..targets import known_description


def validate_content(target: NotificationTarget, draft: Draft) -> None:
    """Check a target's own rules, so that a notification without a chance is refused at once.

    Args:
        target: The notification's target.
        draft: The notification's content.

    Raises:
        InvalidNotification: When the notification could never be delivered.
    """
    described = known_description(target.notification_module_name)
    if described is not None and described.validate is not None:
        described.validate(draft)


def retry_interval_of(target: NotificationTarget) -> int | None:
    """Return the minutes between attempts that a target's module names, or ``None``.

    Args:
        target: The target.
    """
    described = known_description(target.notification_module_name)
    return None if described is None else described.retry_time_interval


def takes_attachments(target: NotificationTarget) -> bool:
    """Return whether a target's module sends the attachments of a notification.

    Args:
        target: The target.
    """
    described = known_description(target.notification_module_name)
    return described is not None and described.takes_attachments


def attachments_refused(target: NotificationTarget) -> InvalidNotification:
    """Return the error for attachments given for a target that sends none.

    Args:
        target: The target.
    """
    return InvalidNotification(
        _("The target %r sends no attachments. Leave them out, or put a link into the body.")
        % target.name,
        argument="attachments",
    )
