"""The admin classes of the models; a project may subclass one and register the subclass."""

from .notification import NotificationAdmin
from .opt_out import NotificationOptOutAdmin
from .target import NotificationTargetAdmin
from .user_target import TargetUserRecordAdmin, UserTargetAdmin

__all__ = [
    "NotificationAdmin",
    "NotificationOptOutAdmin",
    "NotificationTargetAdmin",
    "TargetUserRecordAdmin",
    "UserTargetAdmin",
]
