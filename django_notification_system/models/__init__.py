"""The models: what to say, to whom, where, and who wants to hear nothing."""

from .attempt import NotificationAttempt
from .notification import Notification
from .opt_out import NotificationOptOut
from .target import NotificationTarget
from .target_user_record import TargetUserRecord, UserTarget

#: The documentation of release 1.5.3 calls a target user record by this name.
UserInNotificationTarget = TargetUserRecord

__all__ = [
    "Notification",
    "NotificationAttempt",
    "NotificationOptOut",
    "NotificationTarget",
    "TargetUserRecord",
    "UserInNotificationTarget",
    "UserTarget",
]
