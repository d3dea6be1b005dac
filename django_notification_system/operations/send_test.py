"""One message to an address from a person, to prove a target's settings."""

from dataclasses import replace

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _

from ..delivery.handlers.find import FoundHandler
from ..delivery.handlers.redirect import is_redirect_set
from ..exceptions import NotificationSystemError, TargetUnavailable
from ..message_types.declaration import MessageType
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..models.address import trimmed
from ..outcome import Outcome, OutcomeKind, one_line
from ..subscriptions import record_at
from ..targets import known_description
from .type_samples import sample_without_trace


def only_checking(handler: FoundHandler, target: NotificationTarget) -> FoundHandler:
    """Return a handler that lets the provider check messages, and sends none.

    Args:
        handler: The target's handler.
        target: The handler's target.

    Raises:
        NotificationSystemError: When the target has no dry run.
    """
    if handler.dry_run is None:
        raise NotificationSystemError(
            _("Target %r has no dry run: its provider cannot check a message without sending.")
            % target.name
        )
    return replace(handler, deliver=handler.dry_run)


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

    Notification, record and user exist in memory only. The handler has no way to tell. Where the
    target needs a record's ``details``, those of its active record with the address are used.

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
        TargetUnavailable: When the target as a whole cannot be used, or needs a record's details
            and has no active record with the address.
    """
    notification = Notification(
        target_user_record=TargetUserRecord(user=get_user_model()(), target=target),
        title=title,
        body=body,
        category=category,
    )
    return _sent(notification, handler, address, using=using)


def send_test_of_type(
    target: NotificationTarget,
    handler: FoundHandler,
    address: str,
    *,
    message: MessageType,
    language: str | None = None,
    using: str,
) -> Outcome:
    """Send an example of a type through a target's own handler, and store nothing.

    Args:
        target: The handler's target.
        handler: The target's handler.
        address: Where the message is to go.
        message: The example; the objects among the parameters need not be saved.
        language: The language's code; by default ``LANGUAGE_CODE``.
        using: The alias of the target's database.

    Returns:
        The outcome, as ``send_test_message()`` returns it.

    Raises:
        TargetUnavailable: As ``send_test_message()`` raises it.
        NotificationSystemError: When the texts cannot be made.
    """
    user = get_user_model()()
    notification = sample_without_trace(
        message, target, address=address, language=language, user=user, using=using
    )
    return _sent(notification, handler, address, using=using)


def _sent(
    notification: Notification, handler: FoundHandler, address: str, *, using: str
) -> Outcome:
    record = notification.target_user_record
    stored = _stored_record(record.target, address)
    record.target_user_id = trimmed(address) if stored is None else stored.target_user_id
    record.details = None if stored is None else stored.details
    record.description = "A test"
    record.active = True
    notification.status = Notification.SCHEDULED
    notification.scheduled_delivery = timezone.now()
    notification.max_retries = 1
    notification._state.db = using
    try:
        for outcome in handler.deliver(iter([notification])):
            return outcome
    except TargetUnavailable:
        raise
    except (Exception, SystemExit) as error:  # a library may call sys.exit()
        return Outcome.unknown(notification, one_line(error))
    return Outcome.unknown(notification, f"deliver() in {handler.source} yielded no outcome.")


def _stored_record(target: NotificationTarget, address: str) -> TargetUserRecord | None:
    described = known_description(target.notification_module_name)
    if described is None or not described.address_in_details:
        return None
    # With a redirect, the redirect's own record is used, whatever the address.
    record = record_at(target, address)
    if record is None and not is_redirect_set():
        raise TargetUnavailable(
            _(
                "Target %s needs the details of a record, and has no active record with this"
                " address. Give the address of a record, as a person would have it or as the admin"
                " shows it."
            )
            % target.name
            + (f" {_(described.how_to_add_records)}" if described.how_to_add_records else "")
        )
    return record


def went_out(outcome: Outcome) -> bool:
    """Tell whether the message was taken.

    Args:
        outcome: The outcome of the test message.
    """
    if outcome.result is OutcomeKind.AS_SAVED:
        return outcome.notification.status == Notification.DELIVERED
    return outcome.result is OutcomeKind.DELIVERED
