"""The errors of this app, all subclasses of ``NotificationSystemError``."""

from typing import ClassVar

from django.utils.translation import gettext as _

from .documentation import see


class NotificationSystemError(Exception):
    """The base class of this app's errors.

    Attributes:
        page: The page of the documentation that explains the error, such as ``"howto/opt_outs"``;
            a traceback names the page below the error. Empty: there is no such page.
    """

    page: ClassVar[str] = ""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        if self.page:
            self.add_note(see(self.page))


class NotificationsNotCreated(NotificationSystemError):
    """No notification was created, and nothing more particular is to blame."""


class InvalidNotification(NotificationsNotCreated, ValueError):
    """The notification could never be delivered; the message names the argument.

    Attributes:
        argument: The name of the wrong argument, for code.
    """

    page = "reference/creators"

    def __init__(self, *args: object, argument: str = "extra") -> None:
        super().__init__(*args)
        self.argument = argument


class InvalidPreference(NotificationSystemError, ValueError):
    """A preference or a suppression could never count; the message names the argument.

    Attributes:
        argument: The name of the wrong argument, for code.
    """

    page = "reference/preferences"

    def __init__(self, *args: object, argument: str = "") -> None:
        super().__init__(*args)
        self.argument = argument


class NotificationNotSent(NotificationSystemError):
    """A notification was not sent, and nothing more particular is to blame."""


class UserIsOptedOut(NotificationNotSent):
    """The user has an active opt-out."""

    page = "howto/opt_outs"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or _("User is opted out"))


class UserHasNoTargetRecords(NotificationNotSent):
    """The user has no active record in the target."""

    page = "howto/email_records"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or _("User has no active targets"))


#: The documentation of release 1.5.3 names this class for imports.
UserHasNoTargets = UserHasNoTargetRecords


class TargetUnavailable(NotificationSystemError):
    """A target as a whole cannot be used now: a setting, a client or a handler is missing.

    A handler raises this error to stop the target for the rest of the run. Notifications without an
    outcome stay unchanged, and no attempt is counted.
    """


class HandOverFailed(NotificationSystemError):
    """A task engine did not accept a batch; the rows are free again for the next run."""

    page = "howto/on_commit"
