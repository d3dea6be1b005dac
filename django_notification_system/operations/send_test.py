"""One message to an address from a person, to prove a target's settings."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from ..delivery.handlers.find import FoundHandler
from ..exceptions import TargetUnavailable
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..models.address import trimmed
from ..outcome import Outcome, OutcomeKind, one_line


def send_test_message(
    target: NotificationTarget,
    handler: FoundHandler,
    address: str,
    *,
    title: str,
    body: str,
    using: str,
    category: str = "",
) -> Outcome:
    """Send one message through a target's own handler, and store nothing.

    Notification, record and user exist in memory only. The handler has no way to tell.

    Args:
        target: The handler's target.
        handler: The target's handler.
        address: Where the message is to go.
        title: The message's title.
        body: The message's body.
        using: The alias of the target's database.
        category: The key of the message's category; empty: none.

    Returns:
        The outcome; an exception of the handler becomes an unknown outcome.

    Raises:
        TargetUnavailable: When the target as a whole cannot be used.
    """
    record = TargetUserRecord(
        user=get_user_model()(),
        target=target,
        target_user_id=trimmed(address),
        description="A test",
        active=True,
    )
    notification = Notification(
        target_user_record=record,
        title=title,
        body=body,
        category=category,
        status=Notification.SCHEDULED,
        scheduled_delivery=timezone.now(),
        max_retries=1,
    )
    notification._state.db = using
    try:
        for outcome in handler.deliver(iter([notification])):
            return outcome
    except TargetUnavailable:
        raise
    except (Exception, SystemExit) as error:  # a library may call sys.exit()
        return Outcome.unknown(notification, one_line(error))
    return Outcome.unknown(notification, f"deliver() in {handler.source} yielded no outcome.")


def went_out(outcome: Outcome) -> bool:
    """Tell whether the message was taken.

    Args:
        outcome: The outcome of the test message.
    """
    if outcome.result is OutcomeKind.AS_SAVED:
        return outcome.notification.status == Notification.DELIVERED
    return outcome.result is OutcomeKind.DELIVERED
