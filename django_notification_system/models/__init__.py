"""The models: notifications, attachments, attempts, targets, records (addresses), opt-outs."""

from .attachment import AttachmentContent, NotificationAttachment
from .attempt import NotificationAttempt
from .notification import Notification
from .opt_out import NotificationOptOut
from .target import NotificationTarget
from .target_user_record import TargetUserRecord, UserTarget

#: The name of a target user record in the documentation of release 1.5.3.
UserInNotificationTarget = TargetUserRecord

__all__ = [
    "AttachmentContent",
    "Notification",
    "NotificationAttachment",
    "NotificationAttempt",
    "NotificationOptOut",
    "NotificationTarget",
    "TargetUserRecord",
    "UserInNotificationTarget",
    "UserTarget",
]
