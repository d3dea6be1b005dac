"""The models: notifications, attachments, attempts, targets, records, opt-outs, preferences."""

from .attachment import AttachmentContent, NotificationAttachment
from .attempt import NotificationAttempt
from .consent_log import ConsentLog
from .notification import Notification
from .opt_out import NotificationOptOut
from .preference import Preference
from .suppression import Suppression
from .target import NotificationTarget
from .target_user_record import TargetUserRecord, UserTarget

#: The name of a target user record in the documentation of release 1.5.3.
UserInNotificationTarget = TargetUserRecord

__all__ = [
    "AttachmentContent",
    "ConsentLog",
    "Notification",
    "NotificationAttachment",
    "NotificationAttempt",
    "NotificationOptOut",
    "NotificationTarget",
    "Preference",
    "Suppression",
    "TargetUserRecord",
    "UserInNotificationTarget",
    "UserTarget",
]
