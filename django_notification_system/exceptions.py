"""The errors that this app raises; each is a ``NotificationSystemError``."""

from django.utils.translation import gettext as _


class NotificationSystemError(Exception):
    """The parent of every error of this app."""


class NotificationsNotCreated(NotificationSystemError):
    """No notification was created, and nothing more particular is to blame."""


class InvalidNotification(NotificationsNotCreated, ValueError):
    """What was to be created could never be delivered; the message names the argument.

    Attributes:
        argument: The argument that is to blame, where code has to know it.
    """

    def __init__(self, *args: object, argument: str = "extra") -> None:
        super().__init__(*args)
        self.argument = argument


class NotificationNotSent(NotificationSystemError):
    """A notification was not sent, and nothing more particular is to blame."""


class UserIsOptedOut(NotificationNotSent):
    """The user has an active opt-out."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or _("User is opted out"))


class UserHasNoTargetRecords(NotificationNotSent):
    """The user has no active record in the target."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or _("User has no active targets"))


#: The documentation of release 1.5.3 told people to import this name.
UserHasNoTargets = UserHasNoTargetRecords


class TargetUnavailable(NotificationSystemError):
    """A target as a whole cannot be used now: a setting, a client or a handler is missing.

    A handler raises it to stop its target for the rest of the run. What it has not yielded
    an outcome for stays as it was, and no attempt is counted.
    """


class HandOverFailed(NotificationSystemError):
    """A task engine did not take a batch; it is free again, and the next run takes it."""
