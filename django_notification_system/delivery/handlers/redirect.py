"""The redirect, ``OVERRIDE_RECIPIENTS``: a staging site sends all messages to its own addresses.

The handler gets notifications with the redirect's address, in memory only and only during the
delivery; the database keeps the person's address.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from ...conf import engine_settings
from ...documentation import see
from ...exceptions import TargetUnavailable
from ...models import Notification, NotificationTarget, TargetUserRecord
from ...models.address import trimmed
from ...outcome import Outcome
from ...subscriptions import record_at
from ...targets import known_description, target_key
from ..outcomes.addresses import without_refusal

Deliver = Callable[[Iterable[Notification]], Iterator[Outcome]]

SETTING = "NOTIFICATION_SYSTEM['OVERRIDE_RECIPIENTS']"
#: Names in ``extra`` for further recipients, where the target's module does not say.
RECIPIENTS_IN_EXTRA = frozenset({"cc", "bcc"})


def is_redirect_set() -> bool:
    """Return whether a redirect is set, so that no message goes to people."""
    return bool(engine_settings().override_recipients)


def redirect_address(target: NotificationTarget) -> str | None:
    """Return the redirect's address for a target, or ``None`` without a redirect.

    Args:
        target: The target.

    Raises:
        TargetUnavailable: When the redirect names other targets and not this target: its messages
            must not reach people.
    """
    overrides: Any = engine_settings().override_recipients
    if not overrides:
        return None
    key = target_key(target.notification_module_name)
    address = overrides.get(key) if isinstance(overrides, Mapping) else None
    address = trimmed(address) if isinstance(address, str) else ""
    if not address:
        said = _(
            "Target %(target)r is blocked: %(setting)s has no address for %(key)r, and what it"
            " does not name is not sent. Add one, or remove the setting where messages are to"
            " reach people."
        ) % {"target": target.name, "setting": SETTING, "key": key}
        raise TargetUnavailable(f"{said} {see('howto/staging')}")
    return address


def is_blocked(target: NotificationTarget) -> bool:
    """Return whether the redirect blocks a target: it has no address, or no record, for the target.

    Asks the database only where a redirect is set and the target needs a record's details.

    Args:
        target: The target.
    """
    try:
        address = redirect_address(target)
        if address is not None:
            _own_address(target, address)
    except TargetUnavailable:
        return True
    return False


def redirect_notice(targets: Sequence[NotificationTarget]) -> str:
    """Return a line for people about the redirect of these targets; empty without a redirect.

    Args:
        targets: The targets.
    """
    if not is_redirect_set():
        return ""
    said = [
        _("%s is blocked") % target.name
        if is_blocked(target)
        else _("%(target)s goes to %(address)s")
        % {"target": target.name, "address": redirect_address(target)}
        for target in targets
    ]
    return _("OVERRIDE_RECIPIENTS is set, so no message reaches people: %s.") % ", ".join(said)


def redirected(deliver: Deliver, target: NotificationTarget) -> Deliver:
    """Return the function that delivers a target's notifications, redirected if settings say so.

    Args:
        deliver: The handler's function.
        target: The handler's target.

    Raises:
        TargetUnavailable: When the redirect blocks the target.
    """
    address = redirect_address(target)
    if address is None:
        return deliver
    own_address = _own_address(target, address)

    def deliver_redirected(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        redirected_rows: dict[Any, _RedirectedRow] = {}

        def readdressed() -> Iterator[Notification]:
            for notification in notifications:
                # A project's handler may pass its redirected notifications on to a built-in
                # handler.
                if not _is_redirected(notification):
                    redirected_rows[notification.pk] = _RedirectedRow(notification, own_address)
                yield notification

        try:
            for outcome in deliver(readdressed()):
                if isinstance(outcome, Outcome):
                    if ended := redirected_rows.pop(outcome.notification.pk, None):
                        ended.undo()
                    outcome = without_refusal(outcome)
                yield outcome
        finally:
            for left in redirected_rows.values():
                left.undo()

    return deliver_redirected


@dataclass(frozen=True)
class _OwnAddress:
    """The site's own address, to which the redirect sends.

    Attributes:
        address: The record's ``target_user_id``.
        details: The record's ``details``; never those of the person.
    """

    address: str
    details: Any = field(default=None, repr=False)

    def set_on(self, record: TargetUserRecord) -> None:
        """Give a copy of a person's record this address."""
        record.target_user_id = self.address
        record.details = copy.deepcopy(self.details)


def _own_address(target: NotificationTarget, address: str) -> _OwnAddress:
    """Return the site's own address in a target, with the details of its record.

    Raises:
        TargetUnavailable: When the target needs the details of a record, and no active record has
            the address.
    """
    described = known_description(target.notification_module_name)
    if described is None or not described.address_in_details:
        return _OwnAddress(address)
    record = record_at(target, address)
    if record is None:
        said = _(
            "Target %(target)r is blocked: it has no active record with details at the address that"
            " %(setting)s names for %(key)r. Make a record of that address for a user of your own."
        ) % {
            "target": target.name,
            "setting": SETTING,
            "key": target_key(target.notification_module_name),
        }
        raise TargetUnavailable(f"{said} {see('howto/staging')}")
    return _OwnAddress(record.target_user_id, record.details)


class _RedirectedRow:
    """Gives a notification another address, until undone.

    The notification gets a copy of its record, because its creator may still use the record itself.
    The copy cannot be saved: handlers in the manner of release 1.5.3 switch records off and save
    them. ``refresh_from_db()`` of notification or copy does not bring the person's address back.
    """

    def __init__(self, notification: Notification, own_address: "_OwnAddress") -> None:
        self._notification = notification
        self._record = notification.target_user_record
        self._extra = notification.extra
        self._copy = copy.copy(self._record)
        self._own_address = own_address
        for name in ("save", "delete"):
            setattr(self._copy, name, _do_nothing)
        setattr(self._copy, "refresh_from_db", self._refresh_record)  # noqa: B010 # for mypy
        setattr(notification, "refresh_from_db", self._refresh)  # noqa: B010
        self._apply()

    def undo(self) -> None:
        """Restore the notification, except for its handler's changes."""
        notification = self._notification
        notification.__dict__.pop("refresh_from_db", None)
        notification.target_user_record = self._record
        if notification.extra is self._changed_extra:
            notification.extra = self._extra

    def _apply(self) -> None:
        self._own_address.set_on(self._copy)
        self._notification.target_user_record = self._copy
        self._changed_extra = _without_other_recipients(self._notification.extra, self._record)
        self._notification.extra = self._changed_extra

    def _refresh(self, *args: Any, **kwargs: Any) -> None:
        Notification.refresh_from_db(self._notification, *args, **kwargs)
        self._apply()

    def _refresh_record(self, *args: Any, **kwargs: Any) -> None:
        TargetUserRecord.refresh_from_db(self._copy, *args, **kwargs)
        self._own_address.set_on(self._copy)


def _is_redirected(notification: Notification) -> bool:
    return "refresh_from_db" in notification.__dict__


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    pass


def _without_other_recipients(extra: Any, record: TargetUserRecord) -> Any:
    """Return ``extra`` without further recipients, as the target's module says."""
    if extra is not None and not isinstance(extra, dict):
        return extra  # the handler reports the fault
    described = known_description(record.target.notification_module_name)
    if described is not None and described.redirected_extra is not None:
        return described.redirected_extra(extra or {}, record.target_user_id)
    return {name: value for name, value in (extra or {}).items() if name not in RECIPIENTS_IN_EXTRA}
