"""The admin classes of the models; a project may subclass one and register the subclass."""

from .consent_log import ConsentLogAdmin
from .notification import NotificationAdmin
from .opt_out import NotificationOptOutAdmin
from .suppression import SuppressionAdmin
from .target import NotificationTargetAdmin
from .user_target import TargetUserRecordAdmin, UserTargetAdmin

__all__ = [
    "ConsentLogAdmin",
    "NotificationAdmin",
    "NotificationOptOutAdmin",
    "NotificationTargetAdmin",
    "SuppressionAdmin",
    "TargetUserRecordAdmin",
    "UserTargetAdmin",
]
